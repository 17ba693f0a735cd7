"""Makes the bucket of HEADGATE_STORE_URL where there is none: for a store that starts empty, as that of compose.yaml.

Headgate itself makes no buckets: in production somebody chooses their region, encryption and owner.
"""

import asyncio
import sys

from aiobotocore.session import get_session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from headgate.settings import Settings

CONFIG = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 20, "mode": "standard"})
ALREADY = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists")


async def make(settings: Settings) -> str:
    """Make the bucket, unless it is there; answers its name. Raises what botocore raises."""
    if settings.store_bucket is None:
        sys.exit("HEADGATE_STORE_URL names no bucket.")
    name, _ = settings.store_bucket
    endpoint, region = settings.s3_endpoint_url, settings.s3_region
    async with get_session().create_client(
        "s3", endpoint_url=endpoint, region_name=region, config=CONFIG
    ) as client:
        try:
            await client.create_bucket(Bucket=name)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ALREADY:
                raise
    return name


def main() -> None:
    """Make the bucket that the environment names. Exits with 1 where the store refuses."""
    try:
        name = asyncio.run(make(Settings()))
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"The bucket can't be made: {error}")
    print(f"The bucket {name} is there.")


if __name__ == "__main__":
    main()
