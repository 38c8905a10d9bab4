"""A process whose clock jumps and whose disk is full."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import os, signal, sys, time
from pathlib import Path
from headworks.drill.faulty_process import FaultInjector
control, real = Path(sys.argv[1]), time.time
FaultInjector(control).install()

def told(text):
    control.write_text(text)
    os.kill(os.getpid(), signal.SIGUSR1)
    size = 0
    try:
        with open(sys.argv[2], "wb", buffering=0) as file:
            for _ in range(8):
                size += file.write(b"x" * 512)
    except OSError as error:
        print(error.strerror, end=" ")
    print(size, round(time.time() - real()), round(time.time_ns() / 1e9 - real()))

told('{"clock": 3600, "file_size": 1024}')
told('{}')
"""


def test_a_signal_makes_the_clock_jump_and_the_disk_full_and_both_well_again(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "control.json"), str(tmp_path / "file")],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ran.stdout.splitlines() == ["File too large 1024 3600 3600", "4096 0 0"]


def test_it_runs_the_command_that_it_is_given(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "headworks.drill.faulty_process", str(tmp_path / "control.json"), "--version"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ran.stdout.startswith("headworks ")
