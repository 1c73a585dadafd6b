"""Asking a Video4Linux device what it is before a capture library opens it.

OpenCV only says that it could not open a camera; these few calls say why.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections.abc import Callable

from edge.drivers.base import DeviceError
from edge.drivers.camera import camera_error
from edge.gate.reasons import Cause

# include/uapi/linux/videodev2.h: _IOR('V', 0, struct v4l2_capability), and
# _IOWR('V', 8, struct v4l2_requestbuffers); the numbers are the same on every Linux Arm and x86
VIDIOC_QUERYCAP = 0x80685600
VIDIOC_REQBUFS = 0xC0145608
CAPABILITY = struct.Struct("=16s32s32sIII12x")  # driver, card, bus, version, of all, of this node
REQUEST_BUFFERS = struct.Struct("=IIIIB3x")  # count, type, memory, capabilities, flags
CAP_VIDEO_CAPTURE = 0x00000001
CAP_DEVICE_CAPS = 0x80000000
BUF_TYPE_VIDEO_CAPTURE = 1
MEMORY_MMAP = 1

_CAUSES = {
    errno.ENOENT: (
        Cause.NOT_FOUND,
        "does not exist",
        "plug the camera in, or see `ls /dev/video*`",
    ),
    errno.ENOTDIR: (Cause.NOT_FOUND, "does not exist", "see `ls /dev/video*`"),
    errno.ENODEV: (Cause.UNPLUGGED, "is gone", "plug the camera in again"),
    errno.ENXIO: (Cause.UNPLUGGED, "is gone", "plug the camera in again"),
    errno.EACCES: (
        Cause.PERMISSION,
        "may not be opened by this user",
        "add the user to the group video",
    ),
    errno.EPERM: (
        Cause.PERMISSION,
        "may not be opened by this process",
        "let the service have it (DeviceAllow=char-video4linux)",
    ),
    errno.EBUSY: (
        Cause.BUSY,
        "is used by another program",
        "stop that program; `fuser DEVICE` names it",
    ),
    errno.ENOTTY: (Cause.NOT_FOUND, "is no camera", "see `v4l2-ctl --list-devices`"),
}

Ioctl = Callable[[int, int, bytearray], int]


def probe(device: str, *, ioctl: Ioctl = fcntl.ioctl) -> None:
    """Make sure that `device` is a free camera, and leave it as it was.

    Asking for no buffers frees none, yet fails where another program streams. Raises DeviceError:
    NOT_FOUND, UNPLUGGED, PERMISSION, BUSY, IO_ERROR.
    """
    try:
        handle = os.open(device, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise explain(device, error) from error
    try:
        capability = bytearray(CAPABILITY.size)
        ioctl(handle, VIDIOC_QUERYCAP, capability)
        if not can_capture(bytes(capability)):
            raise camera_error(
                Cause.NOT_FOUND,
                f"{device} delivers no pictures",
                hint="a webcam has a second node for its metadata: take the other one",
            )
        request = REQUEST_BUFFERS.pack(0, BUF_TYPE_VIDEO_CAPTURE, MEMORY_MMAP, 0, 0)
        ioctl(handle, VIDIOC_REQBUFS, bytearray(request))
    except OSError as error:
        raise explain(device, error) from error
    finally:
        os.close(handle)


def can_capture(capability: bytes) -> bool:
    """Whether a struct v4l2_capability belongs to a node that delivers pictures."""
    _driver, _card, _bus, _version, of_all, of_node = CAPABILITY.unpack(capability)
    return bool((of_node if of_all & CAP_DEVICE_CAPS else of_all) & CAP_VIDEO_CAPTURE)


def explain(device: str, error: OSError) -> DeviceError:
    """The DeviceError for an OSError of a video device."""
    cause, what, hint = _CAUSES.get(
        error.errno or 0, (Cause.IO_ERROR, f"failed: {error.strerror}", "")
    )
    return camera_error(cause, f"{device} {what}", hint=hint.replace("DEVICE", device))
