require "json"
require_relative "verify_webhook"

JSON.parse($stdin.read).each { |request| puts verify_webhook(request["headers"], request["body"]) }
