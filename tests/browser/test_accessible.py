"""Every tab as axe sees it: no serious fault, in light and in dark."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

axe = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed: uv sync --group dev")
AXE = (Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
ASK = "async () => (await axe.run()).violations.filter(({ impact }) => ['serious', 'critical'].includes(impact))"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_tab_has_a_serious_fault(visit, app, wait_for_tab, scheme):
    page = visit(app, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce")
    page.evaluate(AXE)
    for tab in page.locator("[role=tab]").all():
        tab.click()
        name = tab.get_attribute("aria-controls")
        wait_for_tab(page, name)
        faults = [
            (fault["id"], [(node["html"][:100], node["failureSummary"]) for node in fault["nodes"][:3]])
            for fault in page.evaluate(ASK)
        ]
        assert faults == [], name
