"""`headworks logs purge`: calls that are deleted, and users of whom nothing is left.

Always true: what a command says is gone no command shows any more; what no command of ours can reach is named. Sums of money
and tokens lose nothing by a user's purge. The gateway goes on meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from headworks.cli.ledger_location import LedgerLocation
from headworks.cli.views.logs import clean
from headworks.ledger.erasure import purge_user, redacted
from headworks.ledger.indexer import Indexer
from headworks.ledger.overwrite import blank, of, of_user, overwrite
from headworks.ledger.query import Filter, Queries
from headworks.ledger.store import StoreTrouble
from headworks.system.schema.system import System


def purge(questions: Queries, asked: Filter) -> str:
    """Deletes these calls from every command, and returns a message. Raises StoreTrouble."""
    if asked.user is None:
        return f"{deleted(questions, asked)} calls deleted"
    erased = purge_user(questions.store, asked.user, time.time())
    return f"{erased} calls of {clean(asked.user)} are deleted; what they cost stays in the sums"


def ask(what: str) -> None:
    """Raises click.Abort where the answer is not yes, or nobody is there to answer."""
    try:
        click.confirm(f"{what} for good?", abort=True)
    except click.Abort:
        click.echo("nothing was deleted; in scripts use --yes", err=True)
        raise


def deleted(questions: Queries, asked: Filter) -> int:
    """Deletes these calls in small pieces, so that the gateway's indexer never waits long."""
    gone = 0
    while (clauses := questions.clauses(asked)) is not None:
        where = " AND ".join(clause.sql for clause in clauses)
        count = questions.store.forget(where, [value for clause in clauses for value in clause.values], 2000)
        gone += count
        if count == 0:
            questions.store.prune()
            break
    return gone


def compacted(where: LedgerLocation, asked: Filter) -> int:
    """Writes the journal and the store without these calls, and says how many other journals go into that store. Raises
    click.ClickException."""
    chosen, instead = (of(asked.holds), blank) if asked.user is None else (of_user(asked.user), redacted)
    with explained_errors(), indexing(where) as indexer:
        indexer.catch_up()  # what ended meanwhile, too: only what is in the store can go from the journal
        overwrite(where.journal, indexer.offsets(), chosen, instead)
        indexer.store().compact()
        return indexer.others()


@contextmanager
def indexing(where: LedgerLocation) -> Iterator[Indexer]:
    indexer = Indexer(where.journal, where.store)
    try:
        yield indexer
    finally:
        indexer.close()


@contextmanager
def explained_errors() -> Iterator[None]:
    """Turns errors of the store or the system into messages."""
    again = "the calls are deleted, but their bytes may still be in the files: run it again with --compact"
    try:
        yield
    except StoreTrouble as trouble:
        raise click.ClickException(f"{trouble}\n    {again}") from trouble
    except OSError as error:
        said = f"the journal cannot be rewritten: {error.strerror or error}"
        raise click.ClickException(f"{said}\n    {again}") from error


def not_reached(system: System, others: int, *, is_user: bool) -> list[str]:
    """Places that a purge does not reach, in words."""
    found = []
    if system.log.store.reveal().startswith("postgres"):
        found.append(
            "PostgreSQL's write-ahead log and its copies (archives, standbys, backups), and old rows in its statistics"
            " (pg_statistic) until it is vacuumed"
        )
    if others:
        found.append(
            f"{others} other journals that feed this store, of replicas or other system files: run the same for each"
        )
    found.append("backups, snapshots and copies of these files, and disk blocks that were freed before")
    found.append("calls in flight: their lines are still to come into the journal, and no command shows them")
    if is_user and any(model.cache.exact is not None for model in system.models.values()):
        state = system.state.reveal()
        place = "the gateway's memory" if state == "memory" else "the state's server and its files"
        found.append(f"cached answers in {place}: they are not used again, and expire")
    if system.log.bodies != "none":
        found.append("suites that `headworks eval --from-log` wrote, and the results of their evaluations")
    if not is_user and system.responses.store is not None:
        found.append(
            "answers that are kept for later calls (`responses.store`): they expire, or their callers delete them"
        )
    found.append("what vendors store themselves")
    return found
