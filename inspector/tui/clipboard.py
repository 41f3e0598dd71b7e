"""Hands text to the clipboard of the system; the terminal's own clipboard (OSC 52) is Textual's part."""

from threading import Thread


def to_system_clipboard(text: str) -> Thread:
    """Hand text over in a thread, which is given back: the helper programs may hang or be absent.

    Without one nothing happens: the text went to the terminal as well.
    """
    thread = Thread(target=_hand_over, args=(text,), daemon=True)
    thread.start()
    return thread


def _hand_over(text: str) -> None:
    try:
        import pyperclip

        pyperclip.copy(text)
    except Exception:  # noqa: S110  the clipboard is a convenience, and its programs fail in ways nobody listed
        pass
