# Calls the functions of chat_calls.rb: a line of standard input has a name and arguments, the line printed for it the answer or the error.
require_relative "chat_page"
require_relative "chat_may_send"

def blocked?(user, other) = [user, other] == ["bob", "eve"]

$stdout.sync = true
$stdin.each_line do |line|
  name, arguments = JSON.parse(line)
  result =
    begin
      if name == "maySend"
        status, body = chat_may_send(*arguments)
        { answer: { status: status, body: body } }
      else
        { answer: ChatCalls.public_send(name.gsub(/[A-Z]/) { "_#{_1.downcase}" }, *arguments) }
      end
    rescue ChatError => error
      { error: { status: error.status, code: error.code, message: error.message } }
    rescue StandardError => error
      { error: { message: error.message } }
    end
  puts JSON.generate(result)
end
