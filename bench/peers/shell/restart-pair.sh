#!/bin/sh
# restart-pair.sh FIRST SECOND: restart dhcpd on both servers of a failover pair.
PAUSE=30

ssh "root@$1" systemctl restart isc-dhcp-server
# Give them time to find each other again.
sleep $PAUSE
ssh "root@$2" systemctl restart isc-dhcp-server
