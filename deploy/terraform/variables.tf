variable "name" {
  description = "Begins the names of everything, as in serverless.yml."
  type        = string
  default     = "wxnotify"
}

variable "stage" {
  description = "A deployment of its own, with a state of its own."
  type        = string
  default     = "dev"
}

variable "region" {
  type    = string
  default = "ap-guangzhou"
}

variable "zone" {
  description = "Availability zone of the subnet and of Redis, in the region."
  type        = string
  default     = "ap-guangzhou-6"
}

variable "env_file" {
  description = "Settings, as wxnotify init writes them. Values reach the state of Terraform."
  type        = string
  default     = "../../.env"
}

variable "build" {
  description = "Folder that `make build` filled."
  type        = string
  default     = "../../build"
}

variable "redis_password" {
  description = "8 to 16 characters."
  type        = string
  sensitive   = true
}

variable "redis_mem_size" {
  description = "MB."
  type        = number
  default     = 1024
}
