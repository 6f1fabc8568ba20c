r"""The memory of the process."""
import ctypes


def give_back() -> None:
    r"""Gives memory that is free back to the system, in about 15 milliseconds.

    The C library keeps what batches of many sizes leave free between them, so that a
    process holds more and more. Only glibc's can be asked; elsewhere nothing happens.
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return
    trim(0)
