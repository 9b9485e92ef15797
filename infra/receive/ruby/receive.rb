# gem install webrick; SECRET=whsec_… PORT=8000 ruby receive.rb
require "openssl"
require "webrick"

KEY = ENV.fetch("SECRET").delete_prefix("whsec_").unpack1("m0")

def verified?(request)
  id, time, signatures = %w[webhook-id webhook-timestamp webhook-signature].map { |name| request[name].to_s }
  return false if (Time.now.to_i - time.to_i).abs > 300

  signed = "#{id}.#{time}.#{request.body}" # the bytes as they came
  expected = "v1," + [OpenSSL::HMAC.digest("SHA256", KEY, signed)].pack("m0")
  signatures.split.any? { |signature| OpenSSL.secure_compare(signature, expected) }
end

server = WEBrick::HTTPServer.new(BindAddress: "127.0.0.1", Port: ENV.fetch("PORT"))
server.mount_proc("/hook") do |request, response|
  response.status = verified?(request) ? 204 : 401
  puts "#{request["webhook-id"]} #{request.body}" if response.status == 204 # keep it, work on it later
end
server.start
