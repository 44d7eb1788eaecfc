-- Prosody for bench/run: no limits. Words between at-signs are filled in.
pidfile = "@DIR@/prosody.pid"
data_path = "@DIR@/data"
run_as_root = true
network_backend = "epoll"
interfaces = { "127.0.0.1" }
c2s_ports = { @PLAIN_PORT@ }
c2s_direct_tls_ports = { @TLS_PORT@ }
s2s_ports = {}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_hashed"
password_hash = "SHA-256"
log = { warn = "@DIR@/prosody.log" }
ssl = { certificate = "@CERTIFICATE@"; key = "@KEY@" }
c2s_direct_tls_ssl = { certificate = "@CERTIFICATE@"; key = "@KEY@" }
network_settings = { tcp_backlog = 1024 }
storage_archive_item_limit = 100000000
@STORAGE@
modules_enabled = {
@MODULES@}
VirtualHost "localhost"
Component "rooms.localhost" "muc"
	modules_enabled = { "muc_mam" }
	muc_room_default_public = true
	restrict_room_creation = false
