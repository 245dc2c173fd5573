"""The boards that an int8 file is made ready for; a new one is a row here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tlearn.errors import ExportError

_CALLED_FROM_MAIN = 'extern "C" void RunClassifier(void) { Run(); }'


@dataclass(frozen=True)
class Board:
    """What differs from board to board.

    Attributes:
        chip: What it is, with its article.
        flash_bytes: That a usual board has.
        ram_bytes: That one array can fill.
        framework: What programs are built with.
        steps: From the files to a program, for a person.
        camera: How a frame comes into `Capture`.
        entry: Code that calls `Run`.
        include: A header that it needs; empty for none.
        scratch_bytes: What its kernels ask for beyond the reference kernels' memory.
        accelerator: Of Vela, where an NPU computes; empty where none does.
    """

    chip: str
    flash_bytes: int
    ram_bytes: int
    framework: str
    steps: Sequence[str]
    camera: str
    entry: str = _CALLED_FROM_MAIN
    include: str = ""
    scratch_bytes: int = 0
    accelerator: str = ""


BOARDS: dict[str, Board] = {
    "esp32": Board(
        "an ESP32-S3",
        8_000_000,
        400_000,
        "ESP-IDF",
        (
            "Copy the .h and .cc files to main/ of an ESP-IDF project, and list the .cc files in\n"
            "main/CMakeLists.txt.",
            "idf.py add-dependency espressif/esp-tflite-micro\n"
            "idf.py add-dependency espressif/esp32-camera",
        ),
        "esp_camera_fb_get() of esp32-camera, set to PIXFORMAT_RGB565, gives kRgb565BigEndian.",
        'extern "C" void app_main() { Run(); }',
        # Copies of what goes into a depthwise convolution, of which 40 kB are padded at once.
        scratch_bytes=64 * 1024,
    ),
    "rp2350": Board(
        "a Raspberry Pi Pico 2 (RP2350)",
        4_000_000,
        500_000,
        "Pico SDK",
        (
            "Add pico-tflmicro of github.com/raspberrypi to a project of the Pico SDK.",
            "Copy the .h and .cc files there, and in CMakeLists.txt add them to add_executable()\n"
            "and pico_stdlib and pico-tflmicro to target_link_libraries().",
        ),
        "A frame of an HM01B0 is kGray; of an OV2640, set to RGB565, kRgb565BigEndian.",
        "int main() {\n  stdio_init_all();\n  Run();\n}",
        '#include "pico/stdlib.h"',
    ),
    "stm32": Board(
        "an STM32H7",
        2_000_000,
        500_000,
        "STM32CubeIDE",
        (
            "Copy the .h and .cc files to a C++ project of STM32CubeIDE, with TensorFlow Lite\n"
            "Micro built for it: make TARGET=cortex_m_generic OPTIMIZED_KERNEL_DIR=cmsis_nn",
            "Call RunClassifier() at the end of main(), in Core/Src/main.c.\n"
            "Or leave all this to X-CUBE-AI, which takes the .tflite file as it is:\n"
            "stedgeai generate --target stm32h7 --model MODEL.tflite",
        ),
        "The buffer that DCMI filled, with the sensor set to RGB565, is kRgb565BigEndian.",
    ),
    "ethos-u": Board(
        "a Cortex-M55 with an Ethos-U55, such as Himax WiseEye2",
        16_000_000,
        2_000_000,
        "the maker's SDK",
        (
            "Copy the .h and .cc files to a project of the board's SDK, which has TensorFlow Lite\n"
            "Micro with the kernel of Ethos-U in it.",
            "Initialize the NPU's driver with ethosu_init(), then call RunClassifier().",
        ),
        "A frame of the sensor; in RGB565 most send the high byte first: kRgb565BigEndian.",
        accelerator="ethos-u55-64",
    ),
}
"""Name to board, in the order they are offered."""


def find_board(name: str) -> Board:
    """Return a board by its name.

    Raises:
        ExportError: There is no such board.
    """
    if name.lower() not in BOARDS:
        raise ExportError(
            f"--for {name}: there is no such board",
            f"choose one of {', '.join(BOARDS)}, as in: --for {next(iter(BOARDS))}",
        )
    return BOARDS[name.lower()]
