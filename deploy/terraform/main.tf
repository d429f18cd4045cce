# What serverless.yml deploys, and the Redis, network, role and log topics around it. See README.md: it was never
# run against the cloud. Names of resources and arguments are those of the provider's documentation.
terraform {
  required_version = ">= 1.5"
  required_providers {
    tencentcloud = { source = "tencentcloudstack/tencentcloud", version = "~> 1.83" }
    archive      = { source = "hashicorp/archive", version = "~> 2.4" }
  }
}

provider "tencentcloud" { # its keys: TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY of the environment
  region = var.region
}

locals {
  prefix = "${var.name}-${var.stage}"

  # Settings of a file as KEY=VALUE lines, of which the last of a name holds.
  lines = regexall("(?m)^([A-Z][A-Z0-9_]*)=(.+)$", replace(sensitive(file(var.env_file)), "\r", ""))
  given = { for line in local.lines : line[0] => trim(trimspace(line[1]), "\"'")... }
  settings = merge({ for name, values in local.given : name => values[length(values) - 1] }, {
    STORE_URL        = "redis://:${urlencode("${tencentcloud_redis_instance.store.id}:${var.redis_password}")}@${tencentcloud_redis_instance.store.ip}:6379/0"
    STORE_PREFIX     = local.prefix
    DELIVER_FUNCTION = "${local.prefix}-deliver"
  })
}
