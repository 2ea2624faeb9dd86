"""A Pinnate function in Python: it answers each call with its payload."""


def handle(payload):
    """Bytes in, bytes out. It may be `async`, and may take a second parameter `call`, which knows who waits."""
    return payload
