"""Time of the fused L1 + SSIM loss, forward and backward, against the separable torch formulation in the same run.

    python benchmarks/ssim.py [--width 640] [--height 480] [--repeats 31]

The two are interleaved; medians and their ratio are printed for torch's current number of threads.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from splatmatch.splats.photometric import photometric_loss


def separable_torch_loss(image: Tensor, target: Tensor, taps: Tensor) -> Tensor:
    """0.8 L1 + 0.2 (1 - SSIM) by depthwise separable convolutions of five planes per channel, (H, W, 3) images.

    Depthwise (groups) because that is torch's fast path on a CPU: planes as a batch take twenty times as long.
    """
    x, y = image.permute(2, 0, 1), target.permute(2, 0, 1)
    planes = torch.cat([x, y, x * x, y * y, x * y])[None]
    kernel = taps.expand(15, 1, 11)
    planes = functional.conv2d(planes, kernel[..., None], padding=(5, 0), groups=15)
    mx, my, xx, yy, xy = functional.conv2d(planes, kernel[:, :, None], padding=(0, 5), groups=15)[0].chunk(5)
    ssim = (2 * mx * my + 1e-4) * (2 * (xy - mx * my) + 9e-4)
    ssim = ssim / ((mx * mx + my * my + 1e-4) * (xx + yy - mx * mx - my * my + 9e-4))
    return 0.8 * (x - y).abs().mean() + 0.2 * (1 - ssim.mean())


def milliseconds(run: Callable[[Tensor], Tensor], image: Tensor) -> float:
    leaf = image.detach().requires_grad_()
    start = time.perf_counter()
    run(leaf).backward()
    return 1e3 * (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--height", type=int, default=480)
    parser.add_argument("--repeats", type=int, default=31)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(3, args.height, args.width, generator=generator).permute(1, 2, 0)
    target = torch.rand(3, args.height, args.width, generator=generator).permute(1, 2, 0)
    taps = torch.exp(-(torch.arange(-5.0, 6.0) ** 2) / 4.5)
    taps = taps / taps.sum()
    runs = {
        "torch, separable": lambda leaf: separable_torch_loss(leaf, target, taps),
        "fused kernel": lambda leaf: photometric_loss(leaf, target).loss,
    }
    for run in runs.values():
        milliseconds(run, image)
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(args.repeats):
        for name, run in runs.items():
            times[name].append(milliseconds(run, image))
    print(
        f"L1 + SSIM forward + backward, {args.width}x{args.height}, {torch.get_num_threads()} threads, "
        f"median of {args.repeats} (minimum)"
    )
    for name, values in times.items():
        print(f"  {name:18s} {statistics.median(values):8.2f} ms ({min(values):.2f})")
    torch_ms, ours = (statistics.median(times[name]) for name in runs)
    print(f"  the fused kernel is {torch_ms / ours:.1f}x faster")


if __name__ == "__main__":
    main()
