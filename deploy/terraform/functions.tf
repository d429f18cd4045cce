locals {
  # As in serverless.yml, to which a test holds it. Each function is given what it reads and no other's secrets.
  functions = {
    imcallback = {
      memory      = 128
      timeout     = 5
      quota       = 38400
      environment = ["WECHAT_APPID", "IM_SDKAPPID", "IM_ADMIN", "IM_CALLBACK_TOKEN", "IM_CALLBACK_TOKEN_PREVIOUS", "IM_CALLBACK_INSECURE", "STORE_URL", "STORE_SHARDS", "STORE_PREFIX", "TEMPLATE_MESSAGE", "LOG_LEVEL", "DELIVER_FUNCTION"]
    }
    wechatpush = {
      memory      = 128
      timeout     = 5
      quota       = 6400
      environment = ["WECHAT_APPID", "WECHAT_TOKEN", "WECHAT_TOKEN_PREVIOUS", "WECHAT_ENCODING_AES_KEY", "WECHAT_ENCODING_AES_KEY_PREVIOUS", "IM_SDKAPPID", "STORE_URL", "STORE_SHARDS", "STORE_PREFIX", "TEMPLATE_MESSAGE", "LOG_LEVEL", "DELIVER_FUNCTION"]
    }
    session = {
      memory      = 128
      timeout     = 10
      quota       = 0
      environment = ["WECHAT_APPID", "WECHAT_APPSECRET", "WECHAT_API_BASE", "IM_SDKAPPID", "IM_SECRET_KEY", "IM_SECRET_KEY_PREVIOUS", "IM_ADMIN", "STORE_URL", "STORE_SHARDS", "STORE_PREFIX", "SESSION_MODE", "USERID_KEY", "SESSION_KEY", "TEMPLATE_MESSAGE", "LOG_LEVEL"]
    }
    permits = {
      memory      = 128
      timeout     = 10
      quota       = 0
      environment = ["WECHAT_APPID", "IM_SDKAPPID", "IM_SECRET_KEY", "IM_SECRET_KEY_PREVIOUS", "IM_ADMIN", "STORE_URL", "STORE_SHARDS", "STORE_PREFIX", "TEMPLATE_MESSAGE", "LOG_LEVEL", "DELIVER_FUNCTION"]
    }
    announce = {
      memory      = 128
      timeout     = 10
      quota       = 0
      environment = ["WECHAT_APPID", "IM_SDKAPPID", "STORE_URL", "STORE_SHARDS", "STORE_PREFIX", "ANNOUNCE_KEY", "TEMPLATE_MESSAGE", "LOG_LEVEL", "DELIVER_FUNCTION"]
    }
    deliver = {
      memory      = 256
      timeout     = 120
      quota       = 2560
      environment = ["WECHAT_APPID", "WECHAT_APPSECRET", "WECHAT_API_BASE", "IM_SDKAPPID", "IM_SECRET_KEY", "IM_ADMIN", "IM_API_BASE", "STORE_URL", "STORE_SHARDS", "STORE_PREFIX", "TEMPLATE_MESSAGE", "LOG_LEVEL", "DELIVER_FUNCTION"]
    }
  }
  urls   = [for key in keys(local.functions) : key if key != "deliver"]
  quotas = { for key, f in local.functions : key => f.quota if f.quota > 0 }
}

# A zip for each function: its binary and notify.yml, both executable. Its name changes with what is in it, because
# the provider uploads a file again when its name is another.
data "archive_file" "code" {
  for_each         = local.functions
  type             = "zip"
  source_dir       = var.build
  excludes         = [for key in keys(local.functions) : key if key != each.key]
  output_file_mode = "0755"
  output_path      = "${path.module}/.zip/${each.key}-${filesha256("${var.build}/${each.key}")}-${filesha256("${var.build}/notify.yml")}.zip"
}

resource "tencentcloud_scf_function" "function" {
  for_each          = local.functions
  name              = "${local.prefix}-${each.key}"
  handler           = each.key
  runtime           = "Go1"
  func_type         = "Event"
  zip_file          = data.archive_file.code[each.key].output_path
  mem_size          = each.value.memory
  timeout           = each.value.timeout
  role              = tencentcloud_cam_role.function.name
  vpc_id            = tencentcloud_vpc.vpc.id
  subnet_id         = tencentcloud_subnet.subnet.id
  enable_public_net = true
  enable_eip_config = true
  cls_logset_id     = tencentcloud_cls_logset.logs.id
  cls_topic_id      = tencentcloud_cls_topic.log[each.key].id
  # SCF takes no empty variable.
  environment = { for name in each.value.environment : name => lookup(local.settings, name, "") if lookup(local.settings, name, "") != "" }
}

# WeChat and IM cannot sign as Tencent Cloud users do: each function checks its callers itself.
resource "tencentcloud_scf_trigger" "url" {
  for_each      = toset(local.urls)
  function_name = tencentcloud_scf_function.function[each.key].name
  trigger_name  = "url"
  type          = "http"
  qualifier     = "$DEFAULT"
  enable        = "OPEN"
  trigger_desc  = jsonencode({ AuthType = "NONE", NetConfig = { EnableIntranet = false, EnableExtranet = true } })
}

resource "tencentcloud_scf_trigger" "timer" {
  function_name = tencentcloud_scf_function.function["deliver"].name
  trigger_name  = "every-minute"
  type          = "timer"
  qualifier     = "$DEFAULT"
  enable        = "OPEN"
  trigger_desc  = jsonencode({ cron = "0 * * * * * *" })
}

# What waits for Redis is kept for six hours. The documentation of msg_ttl names no unit; the API counts in seconds.
resource "tencentcloud_scf_function_event_invoke_config" "deliver" {
  function_name = tencentcloud_scf_function.function["deliver"].name
  async_trigger_config {
    msg_ttl = 21600
    retry_config {
      retry_num = 2
    }
  }
}

resource "tencentcloud_scf_reserved_concurrency_config" "quota" {
  for_each                 = local.quotas
  function_name            = tencentcloud_scf_function.function[each.key].name
  reserved_concurrency_mem = each.value
}

data "tencentcloud_scf_triggers" "url" {
  for_each      = toset(local.urls)
  function_name = tencentcloud_scf_trigger.url[each.key].function_name
}

# Where callers find the functions. The field ExtranetUrl is the API's.
output "urls" {
  value = { for key in local.urls : key => one([for t in data.tencentcloud_scf_triggers.url[key].triggers : try(jsondecode(t.trigger_desc).NetConfig.ExtranetUrl, "see the console") if t.type == "http"]) }
}
