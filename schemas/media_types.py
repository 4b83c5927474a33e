"""Media types, from the first bytes of a file, else from its name."""

from __future__ import annotations

_MAGIC = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"%PDF", "application/pdf"),
    (b"fLaC", "audio/flac"),
    (b"#!AMR", "audio/amr"),
    (b"FLV\1", "video/x-flv"),
    (b"\0\0\1\xba", "video/mpeg"),
    (b"\0\0\1\xb3", "video/mpeg"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-wmv"),
)
"""The first bytes of a file and its media type, from the specification of each format; the same as in file(1)."""
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_FORM = {b"AIFF": "audio/aiff", b"AIFC": "audio/aiff"}
_BRANDS = {b"avif": "image/avif", b"avis": "image/avif", b"qt  ": "video/quicktime"}
_BRANDS |= dict.fromkeys((b"heic", b"heix", b"hevc", b"heim", b"heis"), "image/heic")
_BRANDS |= dict.fromkeys((b"M4A ", b"M4B "), "audio/mp4")
_IMAGE_CONTAINERS = frozenset((b"mif1", b"msf1"))
"""Brands of a container of images. Its list of compatible brands names their format (ISO/IEC 23008-12)."""

_FORMATS = (
    ("image/png", "image/x-png", "image/apng"),
    ("image/jpeg", "image/jpg", "image/pjpeg"),
    ("image/gif",),
    ("image/webp",),
    ("image/bmp", "image/x-bmp", "image/x-ms-bmp"),
    ("image/tiff", "image/tif"),
    ("image/avif",),
    ("image/heic", "image/heif", "image/heic-sequence", "image/heif-sequence"),
    ("application/pdf", "application/x-pdf"),
    ("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"),
    ("audio/mpeg", "audio/mp3", "audio/x-mp3", "audio/mpga", "audio/x-mpeg"),
    ("audio/ogg", "video/ogg", "application/ogg", "audio/opus", "audio/vorbis", "audio/oga"),
    ("audio/flac", "audio/x-flac"),
    ("audio/aac", "audio/aacp", "audio/x-aac"),
    ("audio/aiff", "audio/x-aiff"),
    ("audio/amr",),
    # One container, whose brand does not always say what is in it.
    ("video/mp4", "audio/mp4", "audio/m4a", "audio/x-m4a", "video/x-m4v", "video/quicktime", "video/mov", "video/3gpp"),
    ("video/webm", "audio/webm", "video/x-matroska", "audio/x-matroska"),
    ("video/x-msvideo", "video/avi", "video/vnd.avi"),
    ("video/x-flv", "video/flv"),
    ("video/mpeg", "video/mpg"),
    ("video/x-ms-wmv", "video/wmv", "audio/x-ms-wma"),
)
"""The media types of each format that can be found by its first bytes; the first is the name of the format."""
_FORMAT_OF = {name: names[0] for names in _FORMATS for name in names}
_ANYTHING = frozenset(("application/octet-stream", "binary/octet-stream", "image/*", "audio/*", "video/*", "*/*"))
"""Media types that say nothing of the format."""


def media_type_of(data: bytes, family: str) -> str | None:
    """Return the media type that the first bytes show; None if they are of no known format.

    data: the content, or its first 64 bytes.
    family: image, file, audio or video; decides between audio and video where one container format holds both.
    """
    for magic, media_type in _MAGIC:
        if data.startswith(magic):
            return media_type
    if data[:3] == b"ID3" and (
        family == "audio" or data[3:4] in (b"\2", b"\3", b"\4")
    ):  # a text may begin with ID3, too
        return "audio/mpeg"
    if family == "image" and data[:2] == b"BM":
        return "image/bmp"
    if family == "audio" and data[:1] == b"\xff":
        # A frame of MPEG audio begins with eleven set bits, the version and the layer (01 for layer III, 00 for AAC).
        # Raw samples and UTF-16 text may begin with \xff, too.
        second = data[1] if len(data) > 1 else 0
        return "audio/mpeg" if second & 0xE6 == 0xE2 else "audio/aac" if second & 0xF6 == 0xF0 else None
    if data[:4] == b"RIFF":
        return _RIFF.get(data[8:12])
    if data[:4] == b"FORM":
        return _FORM.get(data[8:12])
    return _container_type(data, family)


def _container_type(data: bytes, family: str) -> str | None:
    """Return the media type of a container of audio, video or images; None for anything else."""
    if data[:4] == b"OggS":
        return "video/ogg" if family == "video" else "audio/ogg"
    family = "audio" if family == "audio" else "video"
    if data[:1] == b"\0" and data[4:8] == b"ftyp":
        brand = data[8:12]
        if brand in _IMAGE_CONTAINERS:
            known = (data[at : at + 4] for at in range(16, min(len(data), 64), 4))
            return next((_BRANDS[each] for each in known if each in _BRANDS), "image/heif")
        return _BRANDS.get(brand) or (f"{family}/3gpp" if brand[:2] == b"3g" else f"{family}/mp4")
    if data[:4] == b"\x1aE\xdf\xa3":
        return f"{family}/x-matroska" if b"matroska" in data[:64] else f"{family}/webm"
    return None


def is_text(content: bytes, name: str) -> bool:
    """Check whether bytes of no known format are empty or text, and no drawing (SVG) by their name."""
    begin = content[:512]
    try:
        begin.decode()
    except UnicodeDecodeError as error:
        return error.start > len(begin) - 4  # perhaps a character that the cut has halved
    return b"\0" not in begin and not (begin and guessed_type(name) == "image/svg+xml")


def guessed_type(name: str) -> str | None:
    """Return the media type that the end of a file's name stands for; None for an unknown one."""
    import mimetypes  # only where there are files

    return mimetypes.guess_type(name)[0]


def ending_of(media_type: str) -> str:
    """Return the usual end of the names of files of a media type, such as ".pdf"; "" for an unknown type."""
    import mimetypes  # only where there are files

    return mimetypes.guess_extension(media_type.partition(";")[0].strip()) or ""


def wrongly_declared(declared: str, data: bytes, family: str) -> str | None:
    """Return the media type that the bytes show, if the declared one is that of another format; else None.

    declared: a media type. One that is not in the table of formats is never found wrong: many formats are built on the
        container of another.
    data, family: as in `media_type_of`.
    """
    name = declared.partition(";")[0].strip().lower()
    if name not in _FORMAT_OF and name not in _ANYTHING:
        return None
    found = media_type_of(data, family)
    return None if found is None or _FORMAT_OF.get(found, found) == _FORMAT_OF.get(name) else found


def is_generic(declared: str) -> bool:
    """Check whether a media type leaves the format open, as application/octet-stream does."""
    return declared.partition(";")[0].strip().lower() in _ANYTHING
