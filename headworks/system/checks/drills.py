"""What must hold between the keys of `drills:`, and between them and the targets of the system."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from headworks.system.schema.drills import ALL_TARGETS, Drill, DrillFault, DrillTrouble, names_target
from headworks.system.syntax.findings import Findings, KeyPath, suggestion
from headworks.system.syntax.scalars import shown


def check_drills(drills: Mapping[str, Drill], targets: Mapping[str, Iterable[str]], findings: Findings) -> None:
    """Notes what could not work. `targets`: those of each alias, as `provider/model`."""
    for name, drill in drills.items():
        where: KeyPath = ("drills", name)
        is_read = findings.is_valid((*where, "faults")) and findings.is_valid((*where, "trouble"))
        if bool(drill.faults) == (drill.trouble is not None) and is_read:
            findings.error(
                where, "a drill has either `faults` or `trouble`", "write one of them, such as faults: [{fault: cut}]"
            )
        alias = drill.traffic.alias
        if alias is not None and alias not in targets:
            remedy = suggestion(alias, targets, "aliases")
            findings.error((*where, "traffic", "alias"), f"the alias {shown(alias)} is not known here", remedy)
            alias = None
        known = [target for name, some in targets.items() if alias in (None, name) for target in some]
        for index, fault in findings.indexed((*where, "faults"), drill.faults):
            _window(fault, (*where, "faults", index), findings)
            for number, target in findings.indexed((*where, "faults", index, "targets"), fault.targets):
                if target != ALL_TARGETS and not any(names_target(target, one) for one in known):
                    at: KeyPath = (*where, "faults", index, "targets", number)
                    remedy = suggestion(target, [*known, ALL_TARGETS], "targets")
                    findings.error(at, f"the target {shown(target)} is not known here", remedy)
        if drill.trouble is not None:
            _window(drill.trouble, (*where, "trouble"), findings)


def _window(span: DrillFault | DrillTrouble, where: KeyPath, findings: Findings) -> None:
    if span.from_ >= span.until and all(findings.is_valid((*where, name)) for name in ("from", "until")):
        findings.error((*where, "until"), "it ends before it begins", "it must be later than `from`")
