"""Results of rule tests as JUnit XML, as CI servers read it: a suite for each test file, a case for each assertion.

Lives here: the report's elements and their counts. Must not know: how tests are run, or where the report goes.
Form: the elements and attributes that Jenkins, GitLab, GitHub's and Azure's readers have in common.
"""

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from ops_center.rules.unittest import TestResult
from ops_center.rules.verdicts import BROKEN, UNSUPPORTED, CaseResult, lines_of

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(results: Sequence[tuple[TestResult, float]]) -> bytes:
    """The report on test files, each with the seconds that it took."""
    root = ET.Element("testsuites", {"name": "cityops rules test"})
    for result, seconds in results:
        root.append(_suite(result, seconds))
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    root.set("time", f"{sum(seconds for _, seconds in results):.3f}")
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _suite(result: TestResult, seconds: float) -> ET.Element:
    suite = ET.Element("testsuite", {"name": _clean(result.path), "time": f"{seconds:.3f}"})
    each = seconds / max(1, len(result.cases) + len(result.errors))
    for case in result.cases:
        suite.append(_case(result, case, each))
    for error in result.errors:
        element = _element(result, "the file can be run", each)
        ET.SubElement(element, "error", {"message": _clean(error), "type": "error"}).text = _clean(error)
        suite.append(element)
    counts = {
        "tests": len(suite),
        "failures": sum(case.status == BROKEN for case in result.cases),
        "errors": len(result.errors),
        "skipped": sum(case.status == UNSUPPORTED for case in result.cases),
    }
    for name, count in counts.items():
        suite.set(name, str(count))
    return suite


def _case(result: TestResult, case: CaseResult, seconds: float) -> ET.Element:
    element = _element(result, f"{case.test}: {case.what}" if case.test else case.what, seconds)
    element.set("line", str(case.line))
    if case.status == BROKEN:
        lines = [line for _, line in lines_of(case.differences)] or [case.message]
        text = "\n".join([f"{result.path}:{case.line}:1: {case.what}", *lines])
        ET.SubElement(element, "failure", {"message": _clean(case.message), "type": "failure"}).text = _clean(text)
    elif case.status == UNSUPPORTED:
        ET.SubElement(element, "skipped", {"message": _clean(case.message)})
    return element


def _element(result: TestResult, name: str, seconds: float) -> ET.Element:
    path = _clean(result.path)
    classname = re.sub(r"\.ya?ml$", "", path).replace("/", ".").strip(".")
    return ET.Element("testcase", {"classname": classname, "name": _clean(name), "file": path, "time": f"{seconds:.4f}"})


def _clean(text: str) -> str:
    """The text without the characters that XML cannot hold."""
    return _NOT_XML.sub("\ufffd", text)
