import msgspec
import pytest

from headworks.policy.circuit import Breaking, Pause
from headworks.policy.retry import Backoff, Retrying
from headworks.policy.timeouts import Timeouts


def test_the_defaults_are_those_that_users_were_promised() -> None:
    assert Timeouts() == Timeouts(connect=2.0, first_token=8.0, between_tokens=8.0, answer=60.0, total=120.0)
    assert Retrying() == Retrying(attempts=3, backoff=Backoff(shortest=0.1, longest=5.0))
    assert Breaking() == Breaking(failures=5, open=Pause(shortest=5.0))


@pytest.mark.parametrize(
    ("struct", "value"),
    [
        (Timeouts, {"connect": 0}),
        (Timeouts, {"total": -1.0}),
        (Retrying, {"attempts": 0}),
        (Retrying, {"backoff": {"shortest": 0}}),
        (Breaking, {"failures": 0}),
        (Breaking, {"open": 0}),
    ],
)
def test_a_number_that_could_not_work_is_refused_where_it_is_read(struct: type, value: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(value, struct)
