"""Routes, with one module per view."""

from fastapi import APIRouter

from vulneuron.server.problems import ERRORS
from vulneuron.server.routes import (
    clusters,
    context,
    figures,
    images,
    jobs,
    maps,
    neurons,
    overview,
    receptive_field,
    records,
    saved,
    sessions,
)

router = APIRouter(prefix="/api", responses=ERRORS)
for module in (
    records,
    overview,
    images,
    neurons,
    receptive_field,
    clusters,
    context,
    maps,
    figures,
    saved,
    jobs,
    sessions,
):
    router.include_router(module.router)
