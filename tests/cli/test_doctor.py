"""splatmatch doctor finds what is here and says how to get what is not."""

from __future__ import annotations

import json

from splatmatch.cli import diagnosis


def test_the_doctor_measures_and_reports(tmp_path, splatmatch):
    """The cpu and reference engines run everywhere; their times are positive; the JSON says the same as the tables."""
    path = tmp_path / "doctor.json"
    outcome = splatmatch("doctor", "--repeats", 1, "--json", path)
    assert outcome.code == 0, outcome.err
    result = json.loads(path.read_text())
    engines = {item["name"]: item for item in result["items"]}
    for name in ("cpu", "reference"):
        assert engines[name]["problem"] == ""
        assert engines[name]["forward_ms"] > 0
        assert engines[name]["backward_ms"] > 0
    assert result["config"]["threads"]["numba_layer"] in ("omp", "tbb", "workqueue")
    assert engines["gsplat"]["problem"] or engines["gsplat"]["forward_ms"] > 0
    for word in ("torch", "cpu", "lpips-alex", "BSD", result["config"]["threads"]["kernel_cache"]):
        assert word in outcome.out


def test_a_missing_package_comes_with_advice(monkeypatch):
    def absent(name):
        raise diagnosis.PackageNotFoundError(name)

    monkeypatch.setattr(diagnosis, "version", absent)
    packages = {package.name: package for package in diagnosis.packages()}
    assert packages["numba"].advice == "pip install numba"
    assert "[gpu]" in packages["gsplat"].advice
    assert "pytest" not in packages
