"""Tell a whole JSON document in a text from a part of a broken one."""

from __future__ import annotations

import re

from attrs import define, field

from .partial import CLOSER

__all__ = ["WholeDocuments", "goes_on"]

_BRACKET = re.compile(r"[\[\]{}]")
_CLOSING = re.compile(r"[\]}]")
_STRAY = re.compile(r"[\s\]}]*+")
# After a list or an object: more of a document that contains it. A stray bracket, or a comma and words, do not count.
_TEXT = r'"(?:[^"\\]|\\.){0,1000}+'
_NEXT = r",\s*+(?:-?\d|(?:true|false|null)\b)"
_MORE = re.compile(rf"""[\s\]}}]*+(?:,\s*+{_TEXT}(?:"\s*+[,:\]}}]|\Z)|{_TEXT}"\s*+:|{_NEXT})""", re.DOTALL)
_SIBLING = re.compile(r"[\s\]}]*+,\s*+([\[{])")
_NAMED = re.compile(rf"(?:\A[\s\]}}]*+|[,{{\[\n])\s*+{_TEXT}\"\s*+:\s*+\Z", re.DOTALL)
# How the text in front of a bracket ends if the bracket closes a list or an object, as opposed to a phrase.
_VALUE_ENDS = (*"]}[{\"',0123456789", "true", "false", "null")
_INTERVAL_END = re.compile(r"\(\s*[^\s,()\[\]{}\"]{1,30}\s*,\s*[^\s,()\[\]{}\"]{1,30}\s*\Z")
_INTERVAL = re.compile(r"\[\s*[^\s,()\[\]{}\"]{1,30}+\s*+,\s*+[^\s,()\[\]{}\"]{1,30}+\s*+\)")
# A bracket that opens no JSON: words follow it up to the next bracket, or it doubles a brace.
_UP_TO_BRACKET = re.compile(r'[^\[\]{}"]*+(?=[\[{])')
_WORDS = re.compile(r"\s*+(?!(?:true|false|null)\w?\b)[^\W\d]\w++\s(?!\s*+[:=,])")
_WORD = re.compile(r"(?!(?:true|false|null)\b)\b[^\W\d_]{2,}")
_FENCE_MARK = re.compile(r"```\w*")
_QUOTED_TOKEN = re.compile(r'"\s*[:,\]}]|[:,\[{]\s*"')
_QUOTE = re.compile(r'\\.|(")', re.DOTALL)
_BEFORE = 300


def goes_on(text: str, end: int) -> bool:
    """Return whether text after a list or an object shows that it is part of a larger document.

    That is a name and a colon, a comma and another list or object like it, or the end of a list or an object that has
    no beginning. Stray brackets right after it are no such end.
    """
    if _continues(text, end, text[end - 1 : end]):
        return True
    opened: list[str] = []
    for bracket in _BRACKET.finditer(text, _STRAY.match(text, end).end()):  # type: ignore[union-attr]
        if bracket[0] in CLOSER:
            opened.append(CLOSER[bracket[0]])
        elif opened and opened[-1] == bracket[0]:
            opened.pop()
        elif _ends_value(text, bracket.start(), bracket[0]):
            return True
    return False


def _continues(text: str, end: int, closer: str) -> bool:
    """Return whether a name and a colon follow, or a comma and another list or object like the one that ends here."""
    if _MORE.match(text, end):
        return True
    sibling = _SIBLING.match(text, end)
    return sibling is not None and CLOSER[sibling[1]] == closer


def _ends_value(text: str, at: int, closer: str) -> bool:
    """Return whether a closing bracket follows a value, as the end of a list or an object does."""
    before = text[max(at - _BEFORE, 0) : at].rstrip()
    if before and not before.endswith(_VALUE_ENDS):
        return False
    return closer == "}" or (opened := before.rfind("(")) < 0 or not _INTERVAL_END.match(before, opened)


@define
class WholeDocuments:
    """The documents of a text that are whole, judged by the text between them.

    The text is passed from its beginning to its end. At each bracket that is not inside of what was passed, the text
    before it is passed, and then what it opens: a phrase, or a document. `finish` returns those that are whole.
    """

    text: str
    passed: int = 0
    """Where the last document ended, broken or not."""
    at: int = 0
    """Up to where the text was passed."""
    _starts: list[int] = field(factory=list)
    """Where the documents begin that are whole so far."""
    _doubtful: list[int] = field(factory=list)
    """The same of those that are parts of a broken document if more of that follows."""
    _doubt: bool = False
    """Whether a broken document was passed: what follows may be a part of it."""
    _odd: bool = False
    """Whether there was one quote without another since the last document."""
    _tokens: bool = False
    """Whether there were quotes since the last document as they stand in JSON."""
    _phrases: list[str] = field(factory=list)
    """The closing brackets of the phrases that are open."""

    def pass_text(self, end: int) -> None:
        """Pass text between documents: the end of a list or an object shows that all before it was part of that."""
        for bracket in _CLOSING.finditer(self.text, self.at, end):
            if self._phrases and self._phrases[-1] == bracket[0]:
                self._phrases.pop()
            elif _ends_value(self.text, bracket.start(), bracket[0]):
                self._drop()
        if self.text.find('"', self.at, end) >= 0:
            quotes = sum(mark[1] is not None for mark in _QUOTE.finditer(self.text, self.at, end))
            self._odd ^= quotes % 2 == 1
            self._tokens = self._tokens or _QUOTED_TOKEN.search(self.text, self.at, end) is not None
            if self._phrases or self._doubt:
                self._doubtful.clear()
                self._doubt = True
        self.at = max(self.at, end)

    def opens_phrase(self, start: int) -> bool:
        """Return whether a bracket opens no document but a phrase, as in `{ return [1]; }`, and pass the bracket."""
        if not _INTERVAL.match(self.text, start):
            words = _UP_TO_BRACKET.match(self.text, start + 1)
            if words is None:
                return False
            doubled = self.text[start] == self.text[words.end()] == "{" and not words[0].strip()
            if not doubled and (not _WORDS.match(words[0]) or words[0].rstrip().endswith(",")):
                return False
            self._check_quotes()
            self._phrases.append(CLOSER[self.text[start]])
        self.at = start + 1
        return True

    def pass_document(self, start: int, end: int, *, complete: bool = True) -> bool:
        """Pass a list or an object that can be read; return False if it is a part of another."""
        closer = CLOSER[self.text[start]]
        before = self.text[self.passed : start]
        first = not self.passed
        # After quotes it may be in a string, or be the value of a name.
        certain = not self._phrases and not self._odd and not self._tokens
        if not complete and not certain:
            return self.pass_broken(end)
        if self._doubt:
            apart = "\n" in before[len(before.rstrip()) :]
            if not _is_prose(before):
                return self._refuse(end)
            self._doubt = not apart
            certain = certain and apart
        if self._is_part(start, closer) or _continues(self.text, end, closer):
            return self._refuse(end)
        (self._starts if certain else self._doubtful).append(start)
        self._pass_to(end)
        if certain and '"' not in before and not before.rstrip().endswith(",") and (first or _is_prose(before)):
            # Nothing before it can belong to the document, so it is complete; closing brackets after it are skipped.
            self.at = _STRAY.match(self.text, end).end()  # type: ignore[union-attr]
        return True

    def pass_broken(self, end: int) -> bool:
        """Pass a list or an object that cannot be read; return False."""
        self._check_quotes()
        return self._refuse(end)

    def pass_scalar(self, start: int, end: int) -> None:
        """Pass a document that is no list and no object."""
        self._starts.append(start)
        self._pass_to(end)

    def finish(self) -> set[int]:
        """Pass the rest of the text; return where the whole documents start."""
        self.pass_text(len(self.text))
        return {*self._starts, *self._doubtful}

    def _refuse(self, end: int) -> bool:
        self._doubtful.clear()
        self._doubt = True
        self._pass_to(end)
        return False

    def _pass_to(self, end: int) -> None:
        self.passed = self.at = end
        self._odd = self._tokens = False

    def _drop(self) -> None:
        """Drop all documents so far: what follows shows that they are parts of another."""
        self._starts.clear()
        self._doubtful.clear()
        self._doubt = self._doubt or self.passed > 0

    def _check_quotes(self) -> None:
        """Drop what came before a bracket that seems to be in a string: it hides the brackets after it."""
        if self._odd or self._tokens:
            self._drop()

    def _is_part(self, start: int, closer: str) -> bool:
        """Return whether a list or an object that begins here follows a name and a colon, or a comma after another."""
        before = self.text[max(start - _BEFORE, self.passed) : start].rstrip()
        if before.endswith(":"):
            # The name begins at the end of the last document, at the beginning of the text, or on a line.
            return _NAMED.search(before if start - _BEFORE <= self.passed else f".{before}") is not None
        return self.passed > 0 and before == "," and closer == self.text[self.passed - 1]


def _is_prose(text: str) -> bool:
    """Return whether a text is made of words, not of pieces of JSON."""
    plain = _FENCE_MARK.sub("", text)
    return (
        _WORD.search(plain) is not None and not _QUOTED_TOKEN.search(plain) and not plain.rstrip().endswith((",", "["))
    )
