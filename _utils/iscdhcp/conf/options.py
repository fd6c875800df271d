"""The words of dhcpd.conf: parameters and DHCP options, with the formats of their values.

From server/stables.c (server_options) and common/tables.c (dhcp_options) of dhcpd 4.4.3-P1, where
the formats are explained: ``I`` address, ``t`` text, ``f`` flag, ``L S B T`` numbers, ``A`` array.
"""

from __future__ import annotations


def _table(text: str) -> dict[str, str]:
    rows = (word.partition(":") for word in text.split())
    return {name: form for name, _, form in rows}


#: Parameters, such as ``max-lease-time``.
PARAMETERS = _table(
    """
    default-lease-time:T max-lease-time:T min-lease-time:T dynamic-bootp-lease-cutoff:T
    dynamic-bootp-lease-length:L boot-unknown-clients:f dynamic-bootp:f allow-bootp:f
    allow-booting:f one-lease-per-client:f get-lease-hostnames:f use-host-decl-names:f
    use-lease-addr-for-default-route:f min-secs:B filename:t server-name:t next-server:I
    authoritative:f vendor-option-space:U always-reply-rfc1048:f site-option-space:X
    always-broadcast:f ddns-domainname:t ddns-hostname:t ddns-rev-domainname:t lease-file-name:t
    pid-file-name:t duplicates:f declines:f ddns-updates:f omapi-port:S local-port:S
    limited-broadcast-address:I remote-port:S local-address:I omapi-key:k stash-agent-options:f
    ddns-ttl:T ddns-update-style:Nddns-styles. client-updates:f update-optimization:f
    ping-check:f update-static-leases:f log-facility:Nsyslog-facilities. do-forward-updates:f
    ping-timeout:T infinite-is-reserved:f update-conflict-detection:f leasequery:f
    adaptive-lease-time-threshold:B do-reverse-updates:f fqdn-reply:f preferred-lifetime:T
    dhcpv6-lease-file-name:t dhcpv6-pid-file-name:t limit-addrs-per-ia:L limit-prefs-per-ia:L
    delayed-ack:S max-ack-delay:L ldap-server:t ldap-port:L ldap-username:t ldap-password:t
    ldap-base-dn:t ldap-method:Nldap-methods. ldap-debug-file:t ldap-dhcp-server-cn:t
    ldap-referrals:f ldap-ssl:Nldap-ssl-usage. ldap-tls-reqcert:Nldap-tls-reqcert.
    ldap-tls-ca-file:t ldap-tls-ca-dir:t ldap-tls-cert:t ldap-tls-key:t
    ldap-tls-crlcheck:Nldap-tls-crlcheck. ldap-tls-ciphers:t ldap-tls-randfile:t
    ldap-init-retry:L ldap-gssapi-keytab:t ldap-gssapi-principal:t dhcp-cache-threshold:B
    dont-use-fsync:f ddns-local-address4:I ddns-local-address6:6 ignore-client-uids:f
    log-threshold-low:B log-threshold-high:B echo-client-id:f server-id-check:f
    prefix-length-mode:Nprefix_length_modes. dhcpv6-set-tee-times:f abandon-lease-time:T
    use-eui-64:f persist-eui-64-leases:f check-secs-byte-order:f ddns-dual-stack-mixed-mode:f
    ddns-guard-id-must-match:f ddns-other-guard-is-dynamic:f release-on-roam:f local-address6:6
    bind-local-address6:f ping-cltt-secs:T ping-timeout-ms:T
    """
)

#: Options of DHCPv4 that need no definition, such as ``option routers``.
OPTIONS = _table(
    """
    subnet-mask:I time-offset:l routers:IA time-servers:IA ien116-name-servers:IA
    domain-name-servers:IA log-servers:IA cookie-servers:IA lpr-servers:IA impress-servers:IA
    resource-location-servers:IA host-name:t boot-size:S merit-dump:t domain-name:t
    swap-server:I root-path:t extensions-path:t ip-forwarding:f non-local-source-routing:f
    policy-filter:IIA max-dgram-reassembly:S default-ip-ttl:B path-mtu-aging-timeout:L
    path-mtu-plateau-table:SA interface-mtu:S all-subnets-local:f broadcast-address:I
    perform-mask-discovery:f mask-supplier:f router-discovery:f router-solicitation-address:I
    static-routes:IIA trailer-encapsulation:f arp-cache-timeout:L ieee802-3-encapsulation:f
    default-tcp-ttl:B tcp-keepalive-interval:L tcp-keepalive-garbage:f nis-domain:t
    nis-servers:IA ntp-servers:IA vendor-encapsulated-options:E. netbios-name-servers:IA
    netbios-dd-server:IA netbios-node-type:B netbios-scope:t font-servers:IA
    x-display-manager:IA dhcp-requested-address:I dhcp-lease-time:L dhcp-option-overload:B
    dhcp-message-type:B dhcp-server-identifier:I dhcp-parameter-request-list:BA dhcp-message:t
    dhcp-max-message-size:S dhcp-renewal-time:L dhcp-rebinding-time:L vendor-class-identifier:X
    dhcp-client-identifier:X nwip-domain:t nwip-suboptions:Enwip. nisplus-domain:t
    nisplus-servers:IA tftp-server-name:t bootfile-name:t mobile-ip-home-agent:IA smtp-server:IA
    pop-server:IA nntp-server:IA www-server:IA finger-server:IA irc-server:IA
    streettalk-server:IA streettalk-directory-assistance-server:IA user-class:t
    slp-directory-agent:fIa slp-service-scope:fto fqdn:Efqdn. relay-agent-information:Eagent.
    nds-servers:IA nds-tree-name:t nds-context:t bcms-controller-names:D
    bcms-controller-address:Ia client-last-transaction-time:L associated-ip:Ia
    pxe-system-type:Sa pxe-interface-id:BBB pxe-client-id:BX uap-servers:t geoconf-civic:X
    pcode:t tcode:t v6-only-preferred:L netinfo-server-address:Ia netinfo-server-tag:t
    default-url:t auto-config:B name-service-search:Sa subnet-selection:I domain-search:Dc
    vivco:Evendor-class. vivso:Evendor. pxe-undefined-1:X pxe-undefined-2:X pxe-undefined-3:X
    pxe-undefined-4:X pxe-undefined-5:X pxe-undefined-6:X pxe-undefined-7:X pxe-undefined-8:X
    sip-ua-cs-domains:Dc ipv4-address-andsf:IA rdnss-selection:BIID tftp-server-address:Ia
    v4-portparams:BBS v4-captive-portal:t pxelinux-magic:BBBB loader-configfile:t
    loader-pathprefix:t loader-reboottime:L option-6rd:BB6Ia
    """
)

#: Option spaces that need no ``option space``.
SPACES = frozenset(
    {"dhcp", "nwip", "fqdn", "agent", "vendor-class", "vendor", "isc", "server", "dhcp6", "vsio"}
)
