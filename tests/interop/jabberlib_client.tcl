#!/usr/bin/tclsh
# SPDX-License-Identifier: MIT
#
# jabberlib_client.tcl - jabberlib, of 2001, as Coccinella has it, driven by lines
# (client_protocol.md). It opens a stream without a version and logs in by jabber:iq:auth.

lappend auto_path {*}[lmap part {jabberlib TclXML contrib} {file join /usr/share/coccinella $part}]
package require jlib
package require jlib::roster

lassign $argv port mode address password
jlib::splitjidex $address user host resource

foreach channel {stdin stdout} {
	fconfigure $channel -encoding utf-8 -buffering line
}

proc say {args} {
	puts [join $args "\t"]
}

proc attribute {element name {default ""}} {
	set value [wrapper::getattribute $element $name]
	return [expr {$value eq "" ? $default : $value}]
}

proc say_items {query} {
	foreach item [wrapper::getchildren $query] {
		say item [attribute $item jid] [attribute $item subscription none] \
			[attribute $item name]
	}
}

proc on_push {jlib from query args} {
	say_items $query
	return 0
}

proc on_roster {type query} {
	say_items $query
	$::jlib send_presence
	say ready
}

proc on_message {jlib element} {
	set body [wrapper::getfirstchildwithtag $element body]
	if {$body ne ""} {
		say message [attribute $element from] [wrapper::getcdata $body]
	}
}

proc on_presence {jlib element} {
	say presence [attribute $element from] [attribute $element type available]
}

# What the library tells of the connection. Its end is the end of this program.
proc on_state {jlib what args} {
	say offline
	exit
}

proc on_login {jlib type element} {
	if {$type eq "error"} {
		say refused
		exit 1
	}
	say online $::address
	$::jlib roster send_get -command on_roster
}

# XEP-0078 §3.1: what the server takes. The digest is refused without need of the password itself.
proc on_fields {jlib type query} {
	if {[wrapper::getfirstchildwithtag $query password] eq ""} {
		say refused
		exit 1
	}
	$::jlib send_auth $::user $::resource on_login -password $::password
}

proc on_stream {jlib args} {
	set query [wrapper::createtag username -chdata $::user]
	$jlib iq_get jabber:iq:auth -command on_fields -sublists [list $query]
}

proc obey {} {
	if {[gets stdin line] < 0} {
		if {[eof stdin]} {
			exit
		}
		return
	}
	lassign [split $line "\t"] verb jid text
	switch -- $verb {
		message { $::jlib send_message $jid -type chat -body $text }
		add { $::jlib roster send_set $jid -name $text }
		remove { $::jlib roster send_remove $jid }
		quit {
			$::jlib send_presence -type unavailable
			# Not closestream: it closes the socket before the server's own end came.
			$::jlib sendraw "</stream:stream>"
		}
		default { $::jlib send_presence -to $jid -type $verb }
	}
}

set jlib [jlib::new on_state -messagecommand on_message -presencecommand on_presence]
$jlib iq_register set jabber:iq:roster on_push 40
set socket [socket 127.0.0.1 $port]
$jlib setsockettransport $socket
$jlib openstream $host -cmd on_stream
fconfigure stdin -blocking 0
fileevent stdin readable obey
vwait forever
