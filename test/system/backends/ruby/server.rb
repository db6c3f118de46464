# The rest of a Rails application, around the controller and the template of docs/backends/ruby.md.
require "action_controller/railtie"
require "rack/handler/puma"
require_relative "chat_token"

class Shop < Rails::Application
  config.root = __dir__
  config.load_defaults 6.1
  config.eager_load = false
  config.hosts.clear
  config.logger = Logger.new($stderr, level: Logger::WARN)
  config.secret_key_base = "of the tests alone" * 4
  config.session_store :cookie_store, key: "shop"
  routes.append do
    get "/", to: "pages#show"
    get "/login", to: "pages#login"
    get "/chat-token", to: "chat_tokens#show"
  end
end

class ApplicationController < ActionController::Base
  helper_method :current_user

  def current_user = session[:user] && OpenStruct.new(session[:user])
end

class PagesController < ApplicationController
  def show = render(inline: <<~PAGE)
    <!doctype html><meta charset="utf-8">
    <script type="module" async src="<%= ENV.fetch("GATEWAY") %>/v1/chat-session.js"></script>
    <body><%= render "shared/chat" %></body>
  PAGE

  def login
    session[:user] = { id: params[:id], name: params[:name] }
    redirect_to "/"
  end
end

Shop.initialize!
Rack::Handler::Puma.run(Shop, Host: "127.0.0.1", Port: ENV.fetch("PORT"), Threads: "1:4", Silent: true)
