# Calls the functions of chat_calls.rb: a line of standard input has a name and arguments, the line printed for it the answer or the error.
require_relative "chat_page"

$stdout.sync = true
$stdin.each_line do |line|
  name, arguments = JSON.parse(line)
  result =
    begin
      { answer: ChatCalls.public_send(name.gsub(/[A-Z]/) { "_#{_1.downcase}" }, *arguments) }
    rescue ChatError => error
      { error: { status: error.status, code: error.code, message: error.message } }
    rescue StandardError => error
      { error: { message: error.message } }
    end
  puts JSON.generate(result)
end
