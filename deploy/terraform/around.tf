# The execution role: with it receivers wake deliver, and nothing else. CAM lists InvokeFunction among the actions that
# take no resource, so a policy that named deliver would allow nothing.
# Source: https://www.tencentcloud.com/zh/document/product/598/57149
resource "tencentcloud_cam_role" "function" {
  name        = "${local.prefix}-function"
  description = "execution role of the functions of ${local.prefix}"
  document = jsonencode({
    version   = "2.0"
    statement = [{ effect = "allow", action = ["name/sts:AssumeRole"], principal = { service = ["scf.qcloud.com"] } }]
  })
}

resource "tencentcloud_cam_policy" "invoke" {
  name        = "${local.prefix}-invoke"
  description = "wakes the function deliver of ${local.prefix}"
  document = jsonencode({
    version   = "2.0"
    statement = [{ effect = "allow", action = ["scf:InvokeFunction"], resource = ["*"] }]
  })
}

resource "tencentcloud_cam_role_policy_attachment" "invoke" {
  role_id   = tencentcloud_cam_role.function.id
  policy_id = tencentcloud_cam_policy.invoke.id
}

resource "tencentcloud_vpc" "vpc" {
  name         = local.prefix
  cidr_block   = "10.0.0.0/16"
  is_multicast = false
}

resource "tencentcloud_subnet" "subnet" {
  name              = local.prefix
  vpc_id            = tencentcloud_vpc.vpc.id
  availability_zone = var.zone
  cidr_block        = "10.0.1.0/24"
  is_multicast      = false
}

resource "tencentcloud_security_group" "store" {
  name        = "${local.prefix}-store"
  description = "the functions reach Redis, and nobody else does"
}

resource "tencentcloud_security_group_rule_set" "store" {
  security_group_id = tencentcloud_security_group.store.id
  ingress {
    action      = "ACCEPT"
    cidr_block  = tencentcloud_subnet.subnet.cidr_block
    protocol    = "TCP"
    port        = "6379"
    description = "functions"
  }
}

# Redis 7.0, standard architecture, with a replica.
resource "tencentcloud_redis_instance" "store" {
  name               = local.prefix
  type_id            = 17
  availability_zone  = var.zone
  mem_size           = var.redis_mem_size
  redis_replicas_num = 1
  password           = var.redis_password
  port               = 6379
  vpc_id             = tencentcloud_vpc.vpc.id
  subnet_id          = tencentcloud_subnet.subnet.id
  security_groups    = [tencentcloud_security_group.store.id]
}

# Any other policy would throw permits and bindings away.
resource "tencentcloud_redis_param" "store" {
  instance_id     = tencentcloud_redis_instance.store.id
  instance_params = { "maxmemory-policy" = "noeviction" }
}

resource "tencentcloud_cls_logset" "logs" {
  logset_name = local.prefix
}

# SCF logs what a function returns, and session returns the user's own UserSig: its log lives for a day.
resource "tencentcloud_cls_topic" "log" {
  for_each   = local.functions
  topic_name = "${local.prefix}-${each.key}"
  logset_id  = tencentcloud_cls_logset.logs.id
  period     = each.key == "session" ? 1 : 30
}

# Alarms look for the field alert.
resource "tencentcloud_cls_index" "log" {
  for_each = local.functions
  topic_id = tencentcloud_cls_topic.log[each.key].id
  status   = true
  rule {
    full_text {
      case_sensitive = false
      contain_z_h    = true
      tokenizer      = "@&?|#()='\",;:<>[]{}/ \n\t\r\\"
    }
    dynamic_index {
      status = true
    }
  }
}
