"""Write a small program, its module, and the packages that AOTInductor makes of it: ``build_packages OUT``."""

import sys
import warnings
from pathlib import Path

import torch


def main(out: Path) -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    layers = torch.nn.Linear(16, 32), torch.nn.GELU(), torch.nn.LayerNorm(32)
    model = torch.nn.Sequential(*layers).eval()
    program = torch.export.export(model, (torch.randn(2, 16),))
    torch.save(model, out / "module.pt")
    torch.export.save(program, out / "program.pt2")
    for name, marks in (("package", True), ("unmarked", False)):
        torch._inductor.aoti_compile_and_package(
            program,
            package_path=str(out / f"{name}.pt2"),
            inductor_configs={"cpp.enable_kernel_profile": marks},
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
