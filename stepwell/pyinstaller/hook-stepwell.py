"""PyInstaller's hook: many modules are imported by name when first used, which it cannot see; the catalog is data."""

from PyInstaller.utils.hooks import collect_data_files, collect_submodules


def taken(name: str) -> bool:
    """Whether a module goes along unasked. Adapters bring whole frameworks with them, and are imported by name only."""
    return not name.startswith(("stepwell.integrations", "stepwell.pyinstaller"))


hiddenimports = collect_submodules("stepwell", filter=taken)
datas = collect_data_files("stepwell")
