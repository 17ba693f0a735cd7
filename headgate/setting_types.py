"""The types of settings that are more than a number or a text: how each is written in an environment variable."""

import os
import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

BUCKET = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
ORIGIN = r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::[0-9]{1,5})?"


def _store_url(url: str) -> str:
    parts = urlsplit(url)
    is_folder = parts.scheme == "file" and not parts.netloc and bool(parts.path)
    is_bucket = parts.scheme == "s3" and bool(re.fullmatch(BUCKET, parts.netloc))
    if not (is_folder or is_bucket) or parts.query or parts.fragment:
        raise ValueError("neither a file:///folder nor an s3://bucket/prefix URL")
    return url


def _web_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("not an http:// or https:// URL")
    return url.rstrip("/")


def _redis_url(url: str) -> str:
    if urlsplit(url).scheme not in ("redis", "rediss"):
        raise ValueError("not a redis:// or rediss:// URL")
    return url


def _listed_networks(text: object) -> object:
    if not isinstance(text, str):
        return text
    try:
        return tuple(ip_network(part) for part in re.findall(r"[^,\s]+", text))
    except ValueError:
        raise ValueError("not a list of networks such as 10.1.0.0/16, fd00::/8") from None


def _listed_folders(text: object) -> object:
    if not isinstance(text, str):
        return text
    folders = tuple(Path(part) for part in text.split(os.pathsep) if part)
    if not all(folder.is_absolute() for folder in folders):
        raise ValueError(f"not a list of absolute paths with {os.pathsep} between them")
    return folders


def _listed_origins(text: object) -> object:
    if not isinstance(text, str):
        return text
    origins = tuple(map(str.lower, re.findall(r"[^,\s]+", text)))
    if not all(re.fullmatch(ORIGIN, origin) for origin in origins):
        raise ValueError("not a list of origins such as https://app.example.org, http://localhost:5173")
    return tuple(map(_as_browsers_write, origins))


def _as_browsers_write(origin: str) -> str:
    """Leave the port out that goes without saying."""
    return origin.removesuffix(":443" if origin.startswith("https:") else ":80")


def _keys_url(url: str) -> str:
    parts = urlsplit(url)
    is_here = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_here):
        raise ValueError("not an https:// URL")
    return url


def _listed_keys(text: object) -> object:
    return tuple(re.findall(r"[^,\s]+", text)) if isinstance(text, str) else text


Folders = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_listed_folders)]
StoreUrl = Annotated[str, AfterValidator(_store_url)]
RedisUrl = Annotated[str, AfterValidator(_redis_url)]
WebUrl = Annotated[str, AfterValidator(_web_url)]
KeysUrl = Annotated[str, AfterValidator(_keys_url)]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_listed_networks)]
Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed_origins)]
SecretKey = Annotated[SecretStr, Field(min_length=32)]
SecretKeys = Annotated[tuple[SecretKey, ...], NoDecode, BeforeValidator(_listed_keys)]
