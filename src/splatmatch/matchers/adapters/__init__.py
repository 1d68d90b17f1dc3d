"""One file per matcher. A file here with ``CARD``, ``Options`` and ``open_adapter`` is in the registry."""
