"""What `tlearn serve` costs besides the network: images a second, against the bare interpreter.

    python -m benchmarks.serve model.tflite images/ --pairs 5

Both decode and answer the same images on as many cores as there are. The bare interpreter does so
in threads of one process; the server is a process of its own, and 16 clients in another ask it over
connections that stay open, on the same cores. The two are measured in turn, and compared pair by
pair. Every answer of the server is compared with that of the bare interpreter.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tlearn.artifacts.contract_file import read_contract
from tlearn.data.image_folder import list_images
from tlearn.serving.pool import Pool

CLIENTS = 16


def bare(pool: Pool, images: list[bytes], workers: int) -> tuple[list[Any], float]:
    """Answer images in threads: what each is answered, and the seconds of all."""
    with ThreadPoolExecutor(workers) as threads:
        list(threads.map(lambda data: pool("", data, {}), images[: 2 * workers]))
        began = time.perf_counter()
        answers = list(threads.map(lambda data: pool("", data, {}), images))
        return answers, time.perf_counter() - began


async def ask(url: str, images: list[bytes]) -> tuple[list[Any], float]:
    """Ask a server with `CLIENTS` connections: the answers in order, and the seconds of all."""
    place, answers = urlsplit(url), [None] * len(images)
    waiting = iter(range(len(images)))

    async def client() -> None:
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        for number in waiting:
            data = images[number]
            head = f"POST /predict HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: {len(data)}"
            writer.write(f"{head}\r\n\r\n".encode() + data)
            status = await reader.readuntil(b"\r\n\r\n")
            length = int(status.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            answers[number] = json.loads(await reader.readexactly(length))
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return answers, time.perf_counter() - began


@contextmanager
def serving(path: Path) -> Any:
    """Run `tlearn serve` in a process of its own; yields its address."""
    command = [sys.executable, "-m", "tlearn", "serve", str(path), "--port", "0", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    text = ""
    while not text.endswith("}\n"):
        text += process.stdout.readline()
    try:
        yield json.loads(text)["url"]
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("artifact", type=Path)
    parser.add_argument("images", type=Path, nargs="+")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--requests", type=int, default=1000)
    options = parser.parse_args()
    workers, n = os.cpu_count() or 1, options.requests
    pool = Pool(options.artifact, read_contract(options.artifact)[0], workers)
    files = [path.read_bytes() for path in list_images(options.images)]
    readable = [data for data in files if not pool("", data, {})["problem"]]
    images = [readable[number % len(readable)] for number in range(n)]
    shares, lost, wrong = [], 0, 0
    with serving(options.artifact) as url:
        asyncio.run(ask(url, images[:CLIENTS]))
        for _ in range(options.pairs):
            expected, seconds = bare(pool, images, workers)
            answers, seconds_served = asyncio.run(ask(url, images))
            lost += sum(answer is None for answer in answers)
            wrong += sum(a is not None and a != e for a, e in zip(answers, expected, strict=True))
            shares.append(seconds / seconds_served)
            print(
                f"bare {n / seconds:6.0f} images/s, served {n / seconds_served:6.0f}: "
                f"{shares[-1]:.0%}",
                flush=True,
            )
    print(f"median {statistics.median(shares):.0%} of the bare interpreter on {workers} cores")
    print(f"{n * options.pairs:,} requests of {CLIENTS} clients: {lost} lost, {wrong} wrong")


if __name__ == "__main__":
    main()
