"""What DigitalOcean sells: the sizes, regions and base image of the simulated account."""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Size:
    """A Droplet size.

    Attributes:
        memory: Megabytes.
        disk: Gigabytes.
        transfer: Terabytes a month.
        gpu_model: None for Droplets without a GPU.
    """

    slug: str
    memory: int
    vcpus: int
    disk: int
    transfer: int
    price_monthly_usd: float
    description: str
    gpu_model: str | None = None

    @property
    def price_hourly_usd(self) -> float:
        """A month is billed as 672 hours; the API computes it in single precision, noise included."""
        (noisy,) = struct.unpack("f", struct.pack("f", self.price_monthly_usd / 672))
        return float(noisy)


SIZES = {
    size.slug: size
    for size in (
        Size("s-1vcpu-1gb", 1024, 1, 25, 1, 6, "Basic"),
        Size("s-1vcpu-2gb", 2048, 1, 50, 2, 12, "Basic"),
        Size("s-2vcpu-4gb", 4096, 2, 80, 4, 24, "Basic"),
        Size("g-2vcpu-8gb", 8192, 2, 25, 4, 63, "General Purpose"),
        Size("s-4vcpu-8gb", 8192, 4, 160, 5, 48, "Basic"),
        Size("m-4vcpu-32gb", 32768, 4, 100, 6, 168, "Memory-Optimized"),
        Size("gpu-h100x1-80gb", 245760, 20, 720, 15, 4529.3, "H100 GPU - 1X", gpu_model="nvidia_h100"),
    )
}

# `atl1` exists although the documented list of regions lacks it: no list of DigitalOcean's is ever complete.
REGIONS = {
    "nyc3": "New York 3",
    "ams3": "Amsterdam 3",
    "fra1": "Frankfurt 1",
    "sfo3": "San Francisco 3",
    "tor1": "Toronto 1",
    "atl1": "Atlanta 1",
}

BASE_IMAGE_ID = 63663980
BASE_IMAGE_SLUG = "ubuntu-20-04-x64"
BASE_IMAGE_CREATED_AT = datetime(2020, 5, 15, 5, 47, 50, tzinfo=UTC)
DISTRIBUTION = "Ubuntu"
