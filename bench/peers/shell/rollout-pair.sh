#!/bin/sh
# rollout-pair.sh FOLDER FIRST SECOND: put FOLDER/SERVER.dhcpd.conf on both servers and restart them.
PAUSE=30
FOLDER=$1

deploy() {
    scp -q "$FOLDER/$1.dhcpd.conf" "root@$1:/etc/dhcp/dhcpd.conf.new" &&
        ssh "root@$1" "dhcpd -t -cf /etc/dhcp/dhcpd.conf.new &&
            mv /etc/dhcp/dhcpd.conf.new /etc/dhcp/dhcpd.conf &&
            systemctl restart isc-dhcp-server"
}

deploy "$2"
sleep $PAUSE
deploy "$3"
