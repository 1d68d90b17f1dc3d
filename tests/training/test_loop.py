"""Runs of a small task: they learn, repeat exactly, survive being killed, and refuse what does not fit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from splatmatch.errors import InputError, NumericalError
from splatmatch.training import runner
from splatmatch.training.checkpoints import latest, state_of
from splatmatch.training.config import RunOptions, TrainConfig, differences
from splatmatch.training.examples import ExampleConfig
from splatmatch.training.log import read_log
from splatmatch.training.loop import train
from splatmatch.training.validation import Validation
from splatmatch.weights.trained import read_trained

from .toy import ToyTask, curve

QUICK = RunOptions(device="cpu", loaders=0, save_every=4)
STEPS = 12


def config_of(shards, **changes):
    example = ExampleConfig(size=(64, 48))
    settings = {"init": "scratch", "steps": STEPS, "batch": 3, "rate": 0.01, "warmup": 2, "precision": "float32"}
    return TrainConfig("toy", (str(shards),), (1.0,), example=example, **settings | changes)


@pytest.fixture(scope="module")
def whole(shards, tmp_path_factory):
    """A run that nothing interrupted."""
    out = tmp_path_factory.mktemp("whole") / "run"
    trained = train(ToyTask(), config_of(shards), out, QUICK)
    assert trained.finished and trained.state.step == STEPS
    return out


def same_weights(one, two):
    a, b = (read_trained(out / "weights.safetensors").tensors for out in (one, two))
    return all(torch.equal(a[name], b[name]) for name in a)


def test_the_loss_falls_and_weights_are_left(shards, tmp_path):
    trained = train(ToyTask(), config_of(shards, steps=60, batch=4), tmp_path / "run", QUICK)
    losses = curve(read_log(tmp_path / "run"))
    assert len(losses) == 60 and losses[-10:].mean() < 0.82 * losses[:5].mean()
    stored = read_trained(trained.weights)
    assert stored.facts == {"preset": "toy", "step": "60", "init": "scratch"}
    assert len(list((tmp_path / "run" / "checkpoints").iterdir())) == 2


def test_the_same_run_twice_is_the_same_and_another_seed_is_not(whole, shards, tmp_path):
    train(ToyTask(), config_of(shards), tmp_path / "again", replace(QUICK, loaders=1, save_every=5))
    assert np.array_equal(curve(read_log(whole)), curve(read_log(tmp_path / "again")))
    assert same_weights(whole, tmp_path / "again")
    train(ToyTask(), config_of(shards, seed=1), tmp_path / "other", QUICK)
    assert not np.allclose(curve(read_log(whole)), curve(read_log(tmp_path / "other")))


def test_a_run_in_pieces_of_time_is_the_same_run(whole, shards, tmp_path, monkeypatch):
    out, calls = tmp_path / "run", 0
    while True:
        ticks = iter(range(10**6))
        monkeypatch.setattr("splatmatch.training.loop.time.monotonic", lambda ticks=ticks: float(next(ticks)))
        trained = train(ToyTask(), config_of(shards), out, replace(QUICK, time_limit=20.0), resume=True)
        calls += 1
        if trained.finished:
            break
        assert calls < STEPS
    assert calls > 2
    assert np.array_equal(curve(read_log(whole)), curve(read_log(out))) and same_weights(whole, out)


def test_a_run_that_was_killed_goes_on_as_if_nothing_had_been(whole, shards, tmp_path):
    out = tmp_path / "run"
    script = (
        "import sys; from pathlib import Path\n"
        "from tests.training.test_loop import QUICK, ToyTask, config_of, train\n"
        f"task, config = ToyTask(), config_of(Path({str(shards)!r}))\n"
        f"train(task, config, Path({str(out)!r}), QUICK)\n"
    )
    root = Path(__file__).parents[2]
    process = subprocess.Popen([sys.executable, "-c", script], cwd=root, env=os.environ | {"PYTHONPATH": str(root)})
    deadline = time.monotonic() + 120
    while len(read_log(out)) < 6 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = len(read_log(out))
    assert before >= 6
    trained = train(ToyTask(), config_of(shards), out, QUICK, resume=True)
    assert (
        trained.finished and np.array_equal(curve(read_log(whole)), curve(read_log(out))) and same_weights(whole, out)
    )


def test_fabric_and_plain_torch_give_the_same_run(whole, shards, tmp_path, monkeypatch):
    pytest.importorskip("lightning_fabric")
    monkeypatch.setattr(runner, "_fabric", lambda: None)
    train(ToyTask(), config_of(shards), tmp_path / "plain", QUICK)
    assert np.allclose(curve(read_log(whole)), curve(read_log(tmp_path / "plain")), rtol=1e-6)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="lightning-fabric"):
        runner.open_runner("cpu", "float32")


def test_a_nan_stops_the_run_and_keeps_the_checkpoint_before(shards, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(NumericalError, match=r"step 7: the loss is nan, with the pairs room-\d, room-\d, room-\d"):
        train(ToyTask(nan_at=6), config_of(shards), out, QUICK)
    assert state_of(latest(out / "checkpoints")).step == 4
    assert train(ToyTask(), config_of(shards), out, QUICK, resume=True).finished


def test_without_memory_for_a_batch_it_is_taken_in_pieces(whole, shards, tmp_path):
    trained = train(ToyTask(most=2), config_of(shards), tmp_path / "run", QUICK)
    assert trained.state.pieces == 2
    notes = [line["note"] for line in read_log(tmp_path / "run") if "note" in line]
    assert any("out of memory: batches are taken in 2 pieces" in note for note in notes)
    assert len(curve(read_log(tmp_path / "run"))) == STEPS
    with pytest.raises(InputError, match="no memory for a single pair"):
        train(ToyTask(most=-1), config_of(shards), tmp_path / "none", QUICK)


def test_what_does_not_fit_is_refused(whole, shards, tmp_path):
    with pytest.raises(InputError, match="go on with --resume"):
        train(ToyTask(), config_of(shards), whole, QUICK)
    other = replace(config_of(shards, rate=0.02), example=ExampleConfig(size=(96, 48)))
    with pytest.raises(InputError, match=r"rate: 0.01 -> 0.02; example.size: \[64, 48\] -> \[96, 48\]"):
        train(ToyTask(), other, whole, QUICK, resume=True)
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="something else than a training run"):
        train(ToyTask(), config_of(shards), tmp_path, QUICK)
    with pytest.raises(InputError, match="no public weights for toy"):
        train(ToyTask(), config_of(shards, init="published"), tmp_path / "run", QUICK)
    task, started = ToyTask(name="wide", width=16), config_of(shards, init=str(whole / "weights.safetensors"))
    with pytest.raises(InputError, match=r"not weights of wide: 0.weight is \(8, 3, 3, 3\), not \(16, 3, 3, 3\)"):
        train(task, started, tmp_path / "run", QUICK)
    for change, words in (({"steps": 0}, "needs an end"), ({"batch": 0}, "batch"), ({"rate": 0.0}, "rate=0.0")):
        with pytest.raises(InputError, match=words):
            config_of(shards, **change)


def test_weights_of_a_run_start_another(whole, shards, tmp_path):
    train(ToyTask(), config_of(shards, init=str(whole / "weights.safetensors"), steps=1), tmp_path / "run", QUICK)
    first = curve(read_log(tmp_path / "run"))[0]
    assert first < curve(read_log(whole))[0]
    assert "toy" in json.loads((tmp_path / "run" / "run.json").read_text())["start"]


def test_validation_keeps_the_best_and_ends_the_run_when_nothing_gets_better(shards, tmp_path):
    config = config_of(shards, steps=40, validate_every=3, patience=2)
    trained = train(ToyTask(), config, tmp_path / "run", QUICK, validation=Validation(shards=(shards,)))
    # SIFT stays as good as it is: the first validation is the best, the third ends the run.
    assert trained.finished and trained.state.step == 9 and trained.state.best_step == 3
    assert read_trained(trained.weights).facts["step"] == "3"
    lines = [line["validation"] for line in read_log(tmp_path / "run") if "validation" in line]
    assert len(lines) == 3 and set(lines[0]) > {"score", f"{shards.name}/auc5", f"{shards.name}/matches"}
    assert not train(
        ToyTask(), config, tmp_path / "run", QUICK, validation=Validation(shards=(shards,)), resume=True
    ).pairs_per_second


def test_frozen_groups_stay(shards, tmp_path):
    class Frozen(ToyTask):
        def groups(self, module):
            first, last = super().groups(module)
            return (replace(first, rate=0.0), last)

    torch.manual_seed(0)
    start = Frozen().build().state_dict()
    train(Frozen(), config_of(shards), tmp_path / "run", QUICK)
    end = read_trained(tmp_path / "run" / "weights.safetensors").tensors
    assert torch.equal(end["0.weight"], start["0.weight"].half().float())
    assert not torch.allclose(end["2.weight"], start["2.weight"], atol=1e-3)


def test_the_learning_rate_rises_and_falls(shards):
    config = config_of(shards, steps=100, warmup=9)
    rates = np.array([config.rate_at(step, 0.0) for step in range(100)])
    assert rates[0] == pytest.approx(0.1, rel=0.01) and rates.argmax() in (9, 10)
    assert (np.diff(rates[10:]) < 0).all() and rates[-1] < 0.012
    timed = replace(config, steps=0, seconds=50.0)
    assert timed.rate_at(500, 25.0) == pytest.approx(0.505) and timed.progress(5, 60.0) == 1.0


def test_differences_name_what_changed(shards):
    config = config_of(shards)
    stored = json.loads(json.dumps({**config.__dict__, "example": None, "curriculum": None}, default=str))
    assert "batch: 3 -> 4" in differences(stored, replace(config, batch=4))


def test_the_optimiser_moves_averaged_weights_slowly(shards, tmp_path):
    from splatmatch.training.step import average

    slow, fast = nn.Linear(2, 2), nn.Linear(2, 2)
    before = slow.weight.clone()
    average(slow, fast, 0.9)
    assert torch.allclose(slow.weight, 0.9 * before + 0.1 * fast.weight)
