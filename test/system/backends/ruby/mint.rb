require_relative "chat_token"
require_relative "chat_signature"

ARGV.each_slice(2) do |id, name|
  id = Integer(id) if id.match?(/\A[1-9]\d*\z/)
  puts "#{name.empty? ? chat_token(id) : chat_token(id, { name: name == "null" ? nil : name })} #{chat_signature(id)}"
end
