"""Settings that hold for every test; fixtures live beside the tests that use them."""

from hypothesis import settings

# No deadline per example: on two shared cores a pause of the machine is not a bug of ours. `print_blob` gives the line
# that replays a failure found elsewhere.
settings.register_profile("headworks", deadline=None, print_blob=True)
settings.load_profile("headworks")
