"""What must hold of the limits of users and sessions."""

from __future__ import annotations

from headworks.core.per import Per, SessionLimits, UserLimits
from headworks.system.syntax.findings import Findings, KeyPath


def check_per(per: Per | None, where: KeyPath, findings: Findings) -> None:
    """where: of the key or group."""
    if per is None or not findings.is_valid((*where, "per")):
        return
    if not per:
        findings.error((*where, "per"), "there is no limit", "write one: user: {rpm: 60}, or session: {calls: 500}")
    if per.user == UserLimits():
        findings.error((*where, "per", "user"), "there is no limit", "write one: rpm, tpm, concurrency or budget")
    if per.session is not None and per.session == SessionLimits(forget=per.session.forget):
        remedy = "write one: rpm, tpm, concurrency, budget or calls"
        findings.error((*where, "per", "session"), "there is no limit", remedy)


def has_money(per: Per | None) -> bool:
    """Whether what a call may cost is bounded by them."""
    return per is not None and any(part is not None and part.budget is not None for part in (per.user, per.session))
