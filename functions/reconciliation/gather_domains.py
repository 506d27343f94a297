"""What came of looking for domains: the items of the next Map, and what is known already."""

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.parser import BaseModel, event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

from steward.observability import logger
from steward.resources.clients import hub_client
from steward.resources.objects import get_json, put_json
from steward.settings import GatherDomainsSettings
from steward.sweeps import DomainPlace, Place, gather

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class GatherDomainsRequest(BaseModel):
    """`manifest_key` is where the first Map's ResultWriter says what it wrote."""

    run: str
    places_key: str
    manifest_key: str


@logger.inject_lambda_context
@event_parser(model=GatherDomainsRequest)
def handler(request: GatherDomainsRequest, context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001  Lambda passes it
    answer = gather_domains(request, GatherDomainsSettings.from_env(), hub_client("s3"))
    logger.info("gathered domains", domains=answer["domains"])
    return answer


def gather_domains(request: GatherDomainsRequest, settings: GatherDomainsSettings, s3: "S3Client") -> dict[str, Any]:
    """``{domains, domains_key, gathered_key}``. Those of an account stand together, so that a batch enters as few accounts as may be."""
    places = {(place.account_id, place.region): place for place in map(Place.model_validate, get_json(s3, settings.bucket, request.places_key))}
    gathered = gather(s3, settings.bucket, request.manifest_key)
    domains = [
        DomainPlace(**{**dict(places[found.account_id, found.region]), "domain_id": found.domain_id})
        for found in sorted(gathered.domains, key=lambda found: (found.account_id, found.region, found.domain_id))
    ]
    folder = f"runs/{request.run}"
    put_json(s3, settings.bucket, f"{folder}/domains.json", [domain.model_dump(mode="json") for domain in domains])
    put_json(s3, settings.bucket, f"{folder}/places-gathered.json", gathered.model_dump(mode="json"))
    return {"domains": len(domains), "domains_key": f"{folder}/domains.json", "gathered_key": f"{folder}/places-gathered.json"}
