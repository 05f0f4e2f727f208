"""Python loads this at start if its folder is in PYTHONPATH: PowerfulSeal imports the drivers of all clouds, also for none."""

import sys
from unittest.mock import MagicMock

for name in (
    "azure", "azure.common", "azure.common.client_factory", "azure.common.credentials",
    "azure.mgmt", "azure.mgmt.compute", "azure.mgmt.network", "azure.mgmt.resource",
    "boto3", "googleapiclient", "googleapiclient.discovery",
    "oauth2client", "oauth2client.client", "oauth2client.service_account", "openstack",
):
    sys.modules[name] = MagicMock()
