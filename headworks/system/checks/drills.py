"""What must hold between the keys of `drills:`, and between them and the targets of the system."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from headworks.system.schema.drills import EVERY, Drill, DrillFault, DrillTrouble, named
from headworks.system.syntax.findings import Findings, Where, suggestion
from headworks.system.syntax.scalars import shown


def check_drills(drills: Mapping[str, Drill], targets: Mapping[str, Iterable[str]], findings: Findings) -> None:
    """Notes what could not work. `targets`: those of each alias, as `provider/model`."""
    for name, drill in drills.items():
        where: Where = ("drills", name)
        is_read = findings.is_sound((*where, "faults")) and findings.is_sound((*where, "trouble"))
        if bool(drill.faults) == (drill.trouble is not None) and is_read:
            findings.error(
                where, "a drill has either `faults` or a `trouble`", "write one of them, such as faults: [{fault: cut}]"
            )
        alias = drill.traffic.alias
        if alias is not None and alias not in targets:
            remedy = suggestion(alias, targets, "aliases")
            findings.error((*where, "traffic", "alias"), f"the alias {shown(alias)} is not known here", remedy)
            alias = None
        known = [target for name, some in targets.items() if alias in (None, name) for target in some]
        for index, fault in findings.placed((*where, "faults"), drill.faults):
            _window(fault, (*where, "faults", index), findings)
            for number, target in findings.placed((*where, "faults", index, "targets"), fault.targets):
                if target != EVERY and not any(named(target, one) for one in known):
                    at: Where = (*where, "faults", index, "targets", number)
                    remedy = suggestion(target, [*known, EVERY], "targets")
                    findings.error(at, f"the target {shown(target)} is not known here", remedy)
        if drill.trouble is not None:
            _window(drill.trouble, (*where, "trouble"), findings)


def _window(span: DrillFault | DrillTrouble, where: Where, findings: Findings) -> None:
    if span.from_ >= span.until and all(findings.is_sound((*where, name)) for name in ("from", "until")):
        findings.error((*where, "until"), "it ends before it begins", "write a later instant than `from`")
