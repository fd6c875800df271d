"""
Small configurations, and what ``dhcpd -t`` (4.4.3-P1) says of each: it takes it, or refuses it.

Mistakes that people make, their right forms beside them, and what looks wrong and is not. ``<P>``
stands for a relationship, ``<S>`` for a subnet with its pool, ``<B>`` for both.
"""

from __future__ import annotations

P = (
    'failover peer "f" { primary; address 192.0.2.1; peer address 192.0.2.2; mclt 60; split 128; '
    "load balance max seconds 3; }\n"
)
S = (
    "subnet 192.0.2.0 netmask 255.255.255.0 "
    '{ pool { failover peer "f"; range 192.0.2.10 192.0.2.20; } }\n'
)


def whole(text: str) -> str:
    """The configuration that a line stands for."""
    return text.replace("<B>", P + S).replace("<P>", P).replace("<S>", S)


TAKEN = [
    "option space x;\noption x.z code 18 = zerolen;\n<B>",
    '<P>shared-network "x" { failover peer "f"; subnet 192.0.2.0 netmask 255.255.255.0 { } pool { range 192.0.2.10 192.0.2.20; } }\nsubnet 198.51.100.0 netmask 255.255.255.0 { pool { failover peer "f"; range 198.51.100.10 198.51.100.20; } }',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { range 192.0.2.10 192.0.2.20; failover peer "f"; } }',  # noqa: E501
    'failover peer "f" { primary; address 192.0.2.1; port 647; peer address 192.0.2.1; peer port 847; mclt 60; split 128; }\n<S>',  # noqa: E501
    "<B>group # PXE hosts\n{\n  host client1 { hardware ethernet 00:00:5e:00:53:01; }\n}\n",
    'subnet 192.0.2.0 netmask 255.255.255.0 {}\nclass "c" { match option vendor-class-identifier; }\nsubclass "c" "a" { lease limit 1; }\n',  # noqa: E501
    "subnet 192.0.2.0 netmask 255.255.255.0 {}\noption domain-name localdomain;\nhost client1 { hardware ethernet 00:00:5e:00:53:01; option host-name client1; filename pxe; }\n",  # noqa: E501
    "subnet 192.0.2.0 netmask 255.255.255.0 {}\non expiry;\n",
    'subnet 192.0.2.0 netmask 255.255.255.0 {}\nfoo = "x";\n',
    'subnet 192.0.2.0 netmask 255.255.255.0 {}\nclass "a" { match hardware; }\nsubclass "a" 1:0:0:5e:0:53:1;\nddns-updates on;\n',  # noqa: E501
    'subnet 192.0.2.0 netmask 255.255.255.0 {}\nclass "a" { match hardware; }\nsubclass "a" 01:00:00:5e:00:53:01;\nddns-updates true;\n',  # noqa: E501
    'failover peer "f" { primary; address 192.0.2.1; peer address 192.0.2.2; mclt 60; split 128; MAX-RESPONSE-DELAY 30; }\n<S>',  # noqa: E501
    'failover peer "f" { primary; address 192.0.2.1; peer address 192.0.2.2; mclt -1; split 128; }\n<S>',  # noqa: E501
    'failover peer "f" { primary; address 192.0.2.1; peer address 192.0.2.2; mclt 60; split 128; port 70000; }\n<S>',  # noqa: E501
    'failover peer "f" { address 192.0.2.1; peer address 192.0.2.2; mclt 60; split 128; }\n<S>',
    'failover peer "f" { secondary; address 192.0.2.1; peer address 192.0.2.2; mclt 60; }\n<S>',
    'failover peer "f" { primary; address 192.0.2.1; peer address 192.0.2.2; mclt 60; hba ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00; }\n<S>',  # noqa: E501
    'failover peer "f" { primary; address 192.0.2.1; peer address 192.0.2.2; mclt 60; split 128; hba ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00; }\n<S>',  # noqa: E501
    "# gr\xf6\xdfe\n<B>",
    '<B>option domain-name "gr\xf6\xdfe";\n',
    "<B>key k { algorithm hmac-md5; secret abcd; };\n",
    "<B>key k { algorithm hmac-md5; secret abcd; }\n",
    "<B>key k { algorithm hmac-md5; secret abcd; };\nzone example.org. { primary 192.0.2.5; key k; }\n",  # noqa: E501
    "<B>group\n# x\n# y\n{ }\n",
    '<P>subnet 192.0.2.0 # net\n netmask 255.255.255.0 # mask\n { # open\n pool # p\n { failover peer "f"; range 192.0.2.10 192.0.2.20; } # close\n }\n',  # noqa: E501
    "<B>host # a\n h # b\n { hardware # c\n ethernet 0:0:0:0:0:1; }\n",
    '<B>class # a\n "x" { match # m\n hardware; }\nsubclass # b\n "x" # c\n 1:0:0:0:0:0:1;\n',
    'failover peer # a\n "f" # b\n { primary; address 192.0.2.1; peer address 192.0.2.2; mclt 60; split 128; load balance max seconds 3; }\n<S>',  # noqa: E501
    "<B>key # a\n k # b\n { algorithm # c\n hmac-md5; secret # d\n abcd; };\n",
    "<P>shared-network # a\n x # b\n { <S> }\n",
    "<B># end",
    "<B>zone # a\n example.org. # b\n { primary # c\n 192.0.2.5; }\n",
    '<B>option # a\n domain-name # b\n "x" # c\n ;\n',
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; range 192.0.2.20 192.0.2.10; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; range 192.0.2.10; } }\n',
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { option domain-search "example.org", "a.example"; pool { failover peer "f"; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    "authorative;\n<B>",
    "not authoritative;\n<B>",
    "ddns-update-style interim;\n<B>",
    "<B>host h { hardware ethernet 0:0:0:0:1; }\n",
    "<B>host h { hardware ethernet 0:0:0:0:0:1; fixed-address 192.0.2.5, 192.0.2.6; }\n",
    "<B>host a { hardware ethernet 0:0:0:0:0:1; }\nhost b { hardware ethernet 0:0:0:0:0:1; }\n",
    "<B>host a_b { hardware ethernet 0:0:0:0:0:1; }\n",
    "<B>host 1a { hardware ethernet 0:0:0:0:0:1; }\n",
    "<B>host 192.0.2.7 { hardware ethernet 0:0:0:0:0:1; }\n",
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; deny unknown clients; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; deny unknown-clients; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; allow known clients; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    "deny unknown-clients;\n<B>",
    "ignore client-updates;\n<B>",
    'option foo code 200 = text;\noption foo "x";\n<B>',
    'option unknown-166 "x";\n<B>',
    "option vendor-encapsulated-options 01:02:ff;\n<B>",
    'option bootfile-name "x";\n<B>',
    "option ntp-servers ntp.example.org;\n<B>",
    "<B>subnet 192.0.2.0 netmask 255.255.255.0 { }\n",
    "<B>subnet 192.0.2.128 netmask 255.255.255.128 { }\n",
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; failover peer "f"; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    "log-facility local7;\n<B>",
    "omapi-port 7911;\n<B>",
    "key k { algorithm hmac-md5; secret abcd; }\nkey k { algorithm hmac-md5; secret abcd; }\n<B>",
    "key k { algorithm md5; secret abcd; }\n<B>",
    'class "c" { }\n<B>',
    'class "c" { match if option dhcp-client-identifier = "x"; }\n<B>',
    'class "c" { match if substring(option vendor-class-identifier, 0, 9) = "PXEClient"; }\n<B>',
    "if true { } else if false { } else { }\n<B>",
    "if true { } elsif false { } else { }\n<B>",
    'on commit { set x = "y"; }\n<B>',
    "on expiry;\n<B>",
    'on release or expiry { log(info, "x"); }\n<B>',
    'execute("/bin/true");\n<B>',
    "default-lease-time 0x10;\n<B>",
    "max-lease-time infinite;\n<B>",
    "max-lease-time -1;\n<B>",
    "max-lease-time 99999999999;\n<B>",
    'option domain-name "x\ny";\n<B>',
    "use-host-decl-names on;\n<B>",
    "local-address 192.0.2.1;\n<B>",
    "foo;\n<B>",
    "default-lease-time = 60;\n<B>",
    "foo = 60;\n<B>",
    'foo = "x";\n<B>',
    "foo = option host-name;\n<B>",
    'option domain-name = "x";\n<B>',
    "max-lease-time = 60;\n<B>",
    "foo-bar;\n<B>",
    "foo; bar;\n<B>",
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { foo; pool { failover peer "f"; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; foo; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    "<B>host h { foo; }\n",
    "<B>group { foo; }\n",
    '<B>class "c" { foo; }\n',
    "true;\n<B>",
    "local7;\n<B>",
    "foo(1);\n<B>",
    'define foo (a) { return a; }\nset x = foo("1");\n<B>',
    "<B>host a.b { hardware ethernet 0:0:0:0:0:1; }\n",
    "<B>host a-b { hardware ethernet 0:0:0:0:0:1; }\n",
    "<B>host 1 { hardware ethernet 0:0:0:0:0:1; }\n",
    "<B>host a1 { hardware ethernet 0:0:0:0:0:1; }\n",
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; allow known-clients; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; allow unknown-clients; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; allow unknown clients; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; allow all clients; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; deny dynamic bootp clients; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; allow authenticated clients; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; allow unauthenticated clients; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; allow after 4 2026/11/26 00:00:00; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; ignore booting; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    "deny bootp;\n<B>",
    "allow booting;\n<B>",
    "allow bootp;\n<B>",
    "deny duplicates;\n<B>",
    "ignore declines;\n<B>",
    "allow leasequery;\n<B>",
    "deny client-updates;\n<B>",
    "allow dynamic-bootp;\n<B>",
    "ignore bootp;\n<B>",
    "ignore unknown-clients;\n<B>",
    "<B>host h { hardware ethernet 0:0:0:0:0:1; }\n",
    "<B>host h { hardware token-ring 0:1:2:3:4:5; }\n",
    "<B>host h { hardware fddi 1:2:3:4:5:6; }\n",
    "<B>host h { hardware infiniband 1:2; }\n",
    "<B>host h { hardware unknown-7 1:2; }\n",
    "<B>host h { hardware ETHERNET 0:0:0:0:0:1; }\n",
    "<B>host h { hardware ethernet; }\n",
    "<B>host h { hardware ethernet 1; }\n",
    "option foo code 200 = text;\n<B>",
    "option foo code 200 = string;\n<B>",
    "option foo code 200 = ip-address;\n<B>",
    "option foo code 200 = array of ip-address;\n<B>",
    "option foo code 200 = integer 8;\n<B>",
    "option foo code 200 = unsigned integer 16;\n<B>",
    "option foo code 200 = signed integer 32;\n<B>",
    "option foo code 200 = boolean;\n<B>",
    "option foo code 200 = domain-list;\n<B>",
    "option foo code 200 = domain-list compressed;\n<B>",
    "option foo code 200 = domain-name;\n<B>",
    "option foo code 200 = ip6-address;\n<B>",
    "option foo code 200 = { integer 8, text };\n<B>",
    "option foo code 200 = array of { ip-address, integer 8 };\n<B>",
    'on commit { log(info,"x"); }\n<B>',
    'on release { log(info,"x"); }\n<B>',
    'on expiry { log(info,"x"); }\n<B>',
    'on commit or release { log(info,"x"); }\n<B>',
    'on transmission { log(info,"x"); }\n<B>',
    'on Commit { log(info,"x"); }\n<B>',
    "log-facility daemon;\n<B>",
    "log-facility local0;\n<B>",
    "log-facility user;\n<B>",
    "log-facility syslog;\n<B>",
    "log-facility mail;\n<B>",
    "log-facility auth;\n<B>",
    "log-facility kern;\n<B>",
    "ddns-update-style none;\n<B>",
    "ddns-update-style standard;\n<B>",
    "<B>subnet 198.51.100.0 netmask 255.255.255.0 { range dynamic-bootp 198.51.100.5 198.51.100.9; }",  # noqa: E501
    "<B>option subnet-mask 24;",
    "option x code 200 = text;\noption x abc;\n<B>",
    "option x code 200 = integer 8;\noption x 200;\n<B>",
    "option x code 200 = string;\noption x 1:2;\n<B>",
    '<B>if option host-name != "a" { }',
    '<B>class "a" { match if option host-name ~= "x"; }',
    '<B>class "a" { match if (option host-name = "x"); }',
    "<B>if option host-name = a { }",
    '<B>if lcase(option host-name) = "a" { }',
    '<B>if tolower(option host-name) = "a" { }',
    "<B>option dhcp6.name-servers 2001:db8::1;",
    "<B>group x { }",
    '<B>group "x" { }',
    "<B>server-name x;",
    "<B>host a { hardware ethernet; }",
    "<B>option netbios-node-type 8 ;",
    "<B>option time-offset -3600;",
    "<B>ping-timeout -1;",
    "<B>lease-file-name x;",
    '<B>lease-file-name "/x";',
    "<B>pid-file-name x;",
    "<B>local-address x;",
    '<B>key "k" { algorithm hmac-md5; secret "YWJj"; }',
    "<B>zone example.org { primary localhost; }",
    '<B>ddns-rev-domainname "in-addr.arpa." ;',
    "<B>infinite-is-reserved on;",
    '<B>class "a" { spawn with hardware; }',
    "<B>option routers 24;",
    "<B>next-server 24;",
    "<B>option routers 4294967296;",
    "<B>option routers 0xc0000201;",
    "<B>option routers 192.0.2.1, 24;",
    "<B>host a { fixed-address 24; }",
    "<B>subnet 198.51.100.0 netmask 255.255.255.0 { range 198.51.100. 5; }",
    "<B>subnet 198.51.100.0 netmask 255.255.255.0 { range 198 . 51 . 100 . 5; }",
    "<B>subnet 198.51.100.0 netmask 255.255.255.0 { range Dynamic-Bootp 198.51.100.5; }",
    '<B>log("x");',
    '<B>log(info,"x");',
    '<B>log (info , "x");',
    "<B>if (known) { }",
    "<B>if ((known)) { }",
    '<B>if option host-name = "a" or known { }',
    '<B>set x = concat("a", "b", "c");',
    "<B>set x = suffix(hardware, 2);",
    '<B>set x = reverse(1, "a");',
    '<B>set x = binary-to-ascii(16, 8, "", hardware);',
    '<B>set x = pick-first-value("a");',
    "<B>set x = encode-int(1, 8);",
    "<B>set x = extract-int(hardware, 8);",
    '<B>set x = concat ("a", "b");',
    '<B>shared-network "x y" { subnet 198.51.100.0 netmask 255.255.255.0 { } }',
    "<B>shared-network x-y.z { subnet 198.51.100.0 netmask 255.255.255.0 { } }",
    "<B>shared-network 10 { subnet 198.51.100.0 netmask 255.255.255.0 { } }",
    '<B>group "a b" { }',
    "<B>zone example.org. { primary 127.0.0.1 ; }",
    "<B>default-lease-time 0x10;",
    "<B>default-lease-time 010;",
    "<B>option x-y code 200 = ip-address;\noption x-y foo.org;",
    "<B>option x-y code 200 = integer 8;\noption x-y -5;",
    "<B>option x-y code 200 = integer 32;\noption x-y 4294967296;",
    "<B>option x-y code 200 = boolean;\noption x-y on;",
    "<B>option x-y code 200 = boolean;\noption x-y ignore;",
    "<B>option x-y code 200 = boolean;\noption x-y TRUE;",
    "<B>option x-y code 200 = text;\noption x-y 1a;",
    '<B>option x-y code 200 = text;\noption x-y = "a";',
    '<B>option x-y code 200 = string;\noption x-y "a";',
    "<B>option x-y code 200 = string;\noption x-y ab;",
    "<B>option x-y code 200 = string;\noption x-y 1;",
    "<B>option x-y code 200 = { ip-address, integer 8 };\noption x-y 192.0.2.1 5;",
    "<B>option x-y code 200 = array of integer 8;\noption x-y 1, 2;",
    '<B>class "a" { lease limit 5; }',
    '<B>class "a" { spawn with hardware; }',
    # heads of blocks, and statements with one form
    "subnet 192.0.2.0 netmask 255.255.255.0 { pool { range 192.0.2.10 192.0.2.20; } }\nserver-duid ll;\n",  # noqa: E501
    "<B>server-duid llt ethernet 213982198 00:16:6f:49:7d:9b;\n",
    '<B>server-duid en 2495 "identifier-1234";\n',
    "<B>server-duid ll ethernet 00:16:6f:49:7d:9b;\n",
    '<B>option space mine;\noption mine.name code 1 = text;\noption mine.name "x";\n',
    "<B>key k { algorithm hmac-md5; secret c2VjcmV0; }\nzone example.org. { primary 127.0.0.1; key k; }\n",  # noqa: E501
    "<B>zone example.org. { primary ns.example.org; secondary 192.0.2.7; }\n",
    '<B>class "c" { match option user-class; }\nsubclass "c" "a" { }\nsubclass "c" 1:2:ff;\n',
    '<B>default domain-name "x";\nsupersede routers 192.0.2.1;\n',
    # marks
    "<B>option domain-name-servers 192.0.2.1,\n  192.0.2.2,\n  ns.example.org;\n",
    "<B>option static-routes 10.0.0.0 192.0.2.1, 10.1.0.0 192.0.2.1;\n",
    "<B>option slp-directory-agent true 192.0.2.1, 192.0.2.2;\n",
    '<B>class "c" { match if substring(option vendor-class-identifier, 0, 3) = "PXE"\n  and\n  option user-class = "x"; }\n',  # noqa: E501
    '<B>option host-name = concat("a",\n  option domain-name);\n',
    '<B>option user-class "x";\n',
    "<B>next-server = c0:00:02:01;\n",
    'shared-network "n" { subnet 192.0.2.0 netmask 255.255.255.0 { } subnet 198.51.100.0 netmask 255.255.255.0 { } pool { range 198.51.100.10 198.51.100.20; } }\n',  # noqa: E501
    "<B>% option \u2013 of nobody;\n",
    'failover peer "f" { primary; address dhcp-a.example.org; peer address 3221225986; mclt 60; split 128; }\n<S>',  # noqa: E501
]
REFUSED = [
    '<P>shared-network "x" { failover peer "f"; subnet 192.0.2.0 netmask 255.255.255.0 { } pool { range 192.0.2.10 192.0.2.20; } }',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { failover peer "f"; pool { range 192.0.2.10 192.0.2.20; } }',  # noqa: E501
    '<P>shared-network "x" { failover peer "f"; subnet 192.0.2.0 netmask 255.255.255.0 { pool { range 192.0.2.10 192.0.2.20; } } }',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { failover peer "f"; range 192.0.2.10 192.0.2.20; }',
    '<P>group { failover peer "f"; subnet 192.0.2.0 netmask 255.255.255.0 { pool { range 192.0.2.10 192.0.2.20; } } }',  # noqa: E501
    '<P>failover peer "f"; subnet 192.0.2.0 netmask 255.255.255.0 { pool { range 192.0.2.10 192.0.2.20; } }',  # noqa: E501
    "<P>subnet 192.0.2.0 netmask 255.255.255.0 { }",
    "<S><P>",
    'failover peer "f" { primary; address 192.0.2.1; peer address 192.0.2.2\n  port 647; mclt 60; split 128; load balance max seconds 3; }\n<S>',  # noqa: E501
    'failover peer "f" { primary; address 192.0.2.1; peer address 192.0.2.2; mclt 60; split 128; load balance max seconds 3; max-unacked-update 10; }\n<S>',  # noqa: E501
    'failover peer "f" { primary; address 192.0.2.1; peer address 192.0.2.2; mclt 60; split 128; load balance max seconds 3; max\u2010response\u2010delay 60; }\n<S>',  # noqa: E501
    '<P>shared-network "x" { failover peer "f"; subnet 192.0.2.0 netmask 255.255.255.0 { } pool { range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; range 192.0.2.10 192.0.2.20; }; };\n',  # noqa: E501
    'failover peer "f" { primary address 192.0.2.1; peer address 192.0.2.2; mclt 60; split 128; }\n<S>',  # noqa: E501
    'failover peer "f" { primary; address 192.0.2.1 port 647; peer address 192.0.2.2; mclt 60; split 128; }\n<S>',  # noqa: E501
    'failover peer "f" { primary; address 192.0.2.1; peer address 192.0.2.2; mclt 60 split 128; }\n<S>',  # noqa: E501
    'failover peer "f" { primary; address 192.0.2.1; peer address 192.0.2.2; mclt 60; split 128; max-unacked-updates 10 max-response-delay 30; }\n<S>',  # noqa: E501
    'failover peer "f" { primary; address 192.0.2.1; peer address 192.0.2.2; mclt 60; split 128; load balance max 3; }\n<S>',  # noqa: E501
    'failover peer "f" { primary; address 192.0.2.1; peer address 192.0.2.2; mclt 60; split 128; load balance max second 3; }\n<S>',  # noqa: E501
    'failover peer "f" { primary; address 192.0.2.1; peer address 192.0.2.2; mclt 60; split 128; load-balance max seconds 3; }\n<S>',  # noqa: E501
    'failover peer "f" { primary; address 192.0.2.1; peer-address 192.0.2.2; mclt 60; split 128; }\n<S>',  # noqa: E501
    'failover peer "f" { primary; adress 192.0.2.1; peer address 192.0.2.2; mclt 60; split 128; }\n<S>',  # noqa: E501
    'failover peer "f" { primary; address 192.0.2.1; peer address 192.0.2.2; mclt abc; split 128; }\n<S>',  # noqa: E501
    'failover peer "f" { primary; address 192.0.2.1; peer address 192.0.2.2; mclt; split 128; }\n<S>',  # noqa: E501
    'failover peer "f" { primary; address 192.0.2.1; peer address 192.0.2.2; mclt 60s; split 128; }\n<S>',  # noqa: E501
    'failover peer "f" { primary; address 192.0.2.1; peer address 192.0.2.2; mclt 60; split 300; }\n<S>',  # noqa: E501
    'failover peer "f" { primary; address 192.0.2.1; peer address 192.0.2.2; mclt 60; split 128; port dhcp; }\n<S>',  # noqa: E501
    'failover peer "f" { primary; address 192.0.2.1; peer address 192.0.2.2; split 128; }\n<S>',
    'failover peer "f" { primary; address 192.0.2.1; peer address 192.0.2.2; mclt 60; }\n<S>',
    "failover peer f { primary; address 192.0.2.1; peer address 192.0.2.2; mclt 60; split 128; }\nsubnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer f; range 192.0.2.10 192.0.2.20; } }\n",  # noqa: E501
    'failover "f" { primary; address 192.0.2.1; peer address 192.0.2.2; mclt 60; split 128; }\n<S>',
    "failover peer { primary; address 192.0.2.1; peer address 192.0.2.2; mclt 60; split 128; }\n<S>",  # noqa: E501
    'failover-peer "f" { primary; address 192.0.2.1; peer address 192.0.2.2; mclt 60; split 128; }\n<S>',  # noqa: E501
    'failover peer "f" { primary; address 192.0.2.1; peer address 192.0.2.2; mclt 60; split 128; };\n<S>',  # noqa: E501
    'failover peer "f" { primary; address 192.0.2.1; peer address 192.0.2.2; mclt 60; hba ff:00; }\n<S>',  # noqa: E501
    "failover peer \u201cf\u201d { primary; address 192.0.2.1; peer address 192.0.2.2; mclt 60; split 128; load balance max seconds 3; }\n<S>",  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; range\xa0192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; range 192.0.2.10 \u2013 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; range 192.0.2.10 - 192.0.2.20; } }\n',  # noqa: E501
    "\ufeff<B>",
    "\ufeff# x\n<B>",
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; range 192.0.2.10 192.0.2.20\uff1b } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; range 192.0.2.10 192.0.2.20\u037e } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; range 192.0.2.10 192.0.2.20; } ; }\n',  # noqa: E501
    "<B>default-lease-time 60;;\n",
    ";\n<B>",
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; range 192.0.2.10 192.0.2.20; }; }\n',  # noqa: E501
    '<B>class "c" { match hardware; };\n',
    "<B>host h { hardware ethernet 0:0:0:0:0:1; };\n",
    "<B>key k { algorithm hmac-md5; secret abcd; };\nzone example.org. { primary 192.0.2.5; key k; };\n",  # noqa: E501
    '<B>if true { log(info,"x"); };\n',
    '<B>on commit { log(info,"x"); };\n',
    "<B>group { };\n",
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; range 192.0.2.10 192.0.2.20; }\n',  # noqa: E501
    "<B>}\n",
    "<B>/* x */\n",
    "<B>// x\n",
    '<P>subnet 192.0.2.1 netmask 255.255.255.0 { pool { failover peer "f"; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.300 { pool { failover peer "f"; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0/24 { pool { failover peer "f"; range 192.0.2.10 192.0.2.20; } }\n',
    '<P>subnet 192.0.2.0 netmask /24 { pool { failover peer "f"; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; range 192.0.2.10 192.0.3.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; range 192.0.2.10 192.0.2.20 192.0.2.30; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; range 192.0.2.10, 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; range 192.0.2.10 to 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; range 192.0.2.10 20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; range 192.0.2.10 192.0.2.256; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { option routers 192.0.2.1 192.0.2.2; pool { failover peer "f"; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { option routers 192.0.2.1,; pool { failover peer "f"; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { option routers; pool { failover peer "f"; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { option router 192.0.2.1; pool { failover peer "f"; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { option dns-servers 192.0.2.1; pool { failover peer "f"; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { option domain-name-server 192.0.2.1; pool { failover peer "f"; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { option domain-name a.example b.example; pool { failover peer "f"; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { option domain-name example.org; pool { failover peer "f"; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { option domain-search example.org; pool { failover peer "f"; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { default-lease-time 1h; pool { failover peer "f"; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { default-lease-time = 600; pool { failover peer "f"; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { max-lease-time 1 day; pool { failover peer "f"; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    "authoritative true;\n<B>",
    "ddns-update-style ad-hoc;\n<B>",
    "ddns-update-style foo;\n<B>",
    "ddns-updates yes;\n<B>",
    "<B>host h { hardware-ethernet 0:0:0:0:0:1; }\n",
    "<B>host h { hardware ethernet 00-00-5e-00-53-01; }\n",
    "<B>host h { hardware 0:0:0:0:0:1; }\n",
    "<B>host h { hardware ethernet 0000.5e00.5301; }\n",
    "<B>host h { hardware ethernet 00005e005301; }\n",
    "<B>host h { hardware ethernet 00:00:5e:00:53:0g; }\n",
    '<B>host h { hardware ethernet "00:00:5e:00:53:01"; }\n',
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { fixed-address 192.0.2.5; pool { failover peer "f"; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    "<B>host h { hardware ethernet 0:0:0:0:0:1; fixed-adress 192.0.2.5; }\n",
    "<B>host h { hardware ethernet 0:0:0:0:0:1; fixed-address 192.0.2.5 192.0.2.6; }\n",
    '<B>host h { hardware ethernet 0:0:0:0:0:1; fixed-address "a.example"; }\n',
    "<B>host { hardware ethernet 0:0:0:0:0:1; }\n",
    "<B>host a b { hardware ethernet 0:0:0:0:0:1; }\n",
    "<B>host a { hardware ethernet 0:0:0:0:0:1; }\nhost a { hardware ethernet 0:0:0:0:0:2; }\n",
    "<B>host gr\xf6\xdfe { hardware ethernet 0:0:0:0:0:1; }\n",
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; deny all; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; allow foo; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; allow members of "x"; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; allow members "x"; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; allow booting; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    "allow foo;\n<B>",
    'include "/nonexistent";\n<B>',
    "include /nonexistent;\n<B>",
    "option foo code 200 = txt;\n<B>",
    "option foo code 200 text;\n<B>",
    'option foo "x";\noption foo code 200 = text;\n<B>',
    'option 66 "x";\n<B>',
    "option vendor-encapsulated-options 01:02:fg;\n<B>",
    "option ip-forwarding yes;\n<B>",
    "option default-ip-ttl 300;\n<B>",
    "next-server 192.0.2.1, 192.0.2.2;\n<B>",
    "filename pxelinux.0;\n<B>",
    "filename /boot/x;\n<B>",
    "server-name a.example;\n<B>",
    "option tftp-server-name 192.0.2.5;\n<B>",
    '<P>subnet 192.0.2.0 { pool { failover peer "f"; range 192.0.2.10 192.0.2.20; } }\n',
    '<P>pool { failover peer "f"; range 192.0.2.10 192.0.2.20; }\n<S>',
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; pool { } range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { subnet 192.0.2.0 netmask 255.255.255.128 { } pool { failover peer "f"; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; range 192.0.2.10 192.0.2.20; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    "<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer f; range 192.0.2.10 192.0.2.20; } }\n",  # noqa: E501
    "<S>",
    "log-facility foo;\n<B>",
    "omapi-port 7911; omapi-key k;\n<B>",
    'key k { algorithm "hmac-md5"; secret "abcd"; }\n<B>',
    "class c { match hardware; }\n<B>",
    'class "c" { match if option dhcp-client-identifier = "x" }\n<B>',
    'class "c" { match if option dhcp-client-identifier == "x"; }\n<B>',
    'class "c" { match if substring(option vendor-class-id, 0, 9) = "PXEClient"; }\n<B>',
    'if true log(info,"x");\n<B>',
    "if true { } elseif false { }\n<B>",
    "else { }\n<B>",
    'on foo { set x = "y"; }\n<B>',
    'set x "y";\n<B>',
    'execute "/bin/true";\n<B>',
    "ping-check maybe;\n<B>",
    "ping-timeout 1.5;\n<B>",
    "min-secs 300;\n<B>",
    "lease-file-name /var/x;\n<B>",
    'option domain-name "x;\n<B>',
    "option domain-name 'x';\n<B>",
    'subclass "nope" 1:2:3;\n<B>',
    'class "c" { match hardware; }\nsubclass c 1:0:0:0:0:0:1;\n<B>',
    "<B>shared-network x { }\n",
    "shared-network { <S>}\n",
    "use-host-decl-names;\n<B>",
    "one-lease-per-client 1;\n<B>",
    "server-identifier 192.0.2.1 192.0.2.2;\n<B>",
    "max-unacked-updates 10;\n<B>",
    "mclt 60;\n<B>",
    "primary;\n<B>",
    "foo bar;\n<B>",
    "12;\n<B>",
    "foo = 600;\n<B>",
    "authoritative = true;\n<B>",
    "_x;\n<B>",
    "max-lease-time;\n<B>",
    "ddns-updates;\n<B>",
    "deny;\n<B>",
    "range;\n<B>",
    "ethernet;\n<B>",
    "option;\n<B>",
    "clients;\n<B>",
    "foo.bar;\n<B>",
    '"foo";\n<B>',
    "foo { }\n<B>",
    '<B>host "a" { hardware ethernet 0:0:0:0:0:1; }\n',
    "<B>host a:b { hardware ethernet 0:0:0:0:0:1; }\n",
    "<B>host a/b { hardware ethernet 0:0:0:0:0:1; }\n",
    "<B>host x,y { hardware ethernet 0:0:0:0:0:1; }\n",
    "<B>host * { hardware ethernet 0:0:0:0:0:1; }\n",
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; allow all-clients; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; deny dynamic-bootp; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; deny bootp; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; deny duplicates; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; allow members of "x", "y"; range 192.0.2.10 192.0.2.20; } }\n',  # noqa: E501
    "deny unknown clients;\n<B>",
    "allow known-clients;\n<B>",
    "allow all clients;\n<B>",
    'allow members of "x";\n<B>',
    "allow dynamic bootp clients;\n<B>",
    "deny client updates;\n<B>",
    "allow;\n<B>",
    "<B>host h { hardware wifi 0:0:0:0:0:1; }\n",
    "<B>host h { hardware ethernet 0:0:0:0:0:100; }\n",
    "<B>host h { hardware ethernet 1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1; }\n",
    "option foo code 200 = integer 64;\n<B>",
    "option foo code 200 = array of integer;\n<B>",
    "option foo code 200 = uint8;\n<B>",
    "option foo code 200 = integer8;\n<B>",
    "option foo code 200 = array of text;\n<B>",
    "option foo code 200 = binary;\n<B>",
    "option foo code 200 = hex;\n<B>",
    'on commit and release { log(info,"x"); }\n<B>',
    'on commit, release { log(info,"x"); }\n<B>',
    'on expire { log(info,"x"); }\n<B>',
    "log-facility local9;\n<B>",
    "log-facility DAEMON;\n<B>",
    'log-facility "local7";\n<B>',
    "log-facility none;\n<B>",
    "ddns-update-style STANDARD;\n<B>",
    "ddns-update-style off;\n<B>",
    'ddns-update-style "none";\n<B>',
    "ddns-update-style ad_hoc;\n<B>",
    'failover peer "f" { primary; address 192.0.2.1:647; peer address 192.0.2.2; mclt 60; split 128; }\n<S>',  # noqa: E501
    'failover peer "f" { primary; address 192.0.2.1; peer address 192.0.2.2:647; mclt 60; split 128; }\n<S>',  # noqa: E501
    'failover peer "f" { primary; address 192.0.2.1/24; peer address 192.0.2.2; mclt 60; split 128; }\n<S>',  # noqa: E501
    "<B>subnet 198.51.100.0 netmask 255.255.255.0 { range 198.51.100.5-198.51.100.9; }",
    "<B>subnet 198.51.100.0 netmask 255.255.255.0 { range 198.51.100.5, 198.51.100.9; }",
    "<B>subnet 198.51.100.0 netmask 255.255.255.0 { range 198.51.100.5 - 198.51.100.9; }",
    "<B>subnet 198.51.100.0 netmask 255.255.255.0 { range 198.51.100.5 to 198.51.100.9; }",
    "<B>subnet 198.51.100.0 netmask 255.255.255.0 { range 198.51.100.0/28; }",
    '<B>subnet 198.51.100.0 netmask 255.255.255.0 { range "198.51.100.5" "198.51.100.9"; }',
    "<B>subnet 198.51.100.0 netmask 255.255.255.0 { range 198.51.100.5 198.51.100.9 198.51.100.11; }",  # noqa: E501
    "<B>subnet 198.51.100.0 netmask 255.255.255.0 { range 198.51.100.5 9; }",
    "<B>subnet 198.51.100.0 netmask 255.255.255.0 { range; }",
    "<B>subnet 198.51.100.0 netmask 255.255.255.0 { range low high; }",
    "<B>host a { hardware ethernet 0:1:2:3:4:5; fixed-address 192.0.2.5/24; }",
    "<B>host a { fixed-address 192.0.2.5:80; }",
    "<B>host a { fixed-address 192.0.2; }",
    "<B>host a { fixed-address 192.0.2.5-6; }",
    '<B>option domain-search "a.org" "b.org";',
    '<B>option domain-name "a.org" "b.org";',
    "<B>option domain-name-servers 192.0.2.5 192.0.2.6;",
    "<B>option routers 192.0.2.1/24;",
    "<B>option subnet-mask /24;",
    "<B>option ntp-servers 192.0.2.1; 192.0.2.2;",
    "option x code 200 = text;\noption x 01:02;\n<B>",
    "option x code 200 = text;\noption x 5;\n<B>",
    "option x code 200 = unsigned integer 8;\noption x 256;\n<B>",
    "option x code 200 = unsigned integer 16;\noption x 65536;\n<B>",
    'option x code 200 = unsigned integer 8;\noption x "a";\n<B>',
    "option x code 200 = boolean;\noption x yes;\n<B>",
    "option x code 200 = boolean;\noption x 1;\n<B>",
    "option x code 200 = ip-address;\noption x 192.0.2.256;\n<B>",
    "option x code 200 = string;\noption x abc;\n<B>",
    "option x code 200 = array of ip-address;\noption x 192.0.2.1 192.0.2.2;\n<B>",
    '<B>if option host-name == "a" { }',
    '<B>if option host-name = "a" and option host-name == "b" { }',
    '<B>if option host-name == "a" { } else if option host-name == "b" { }',
    "<B>if known && known { }",
    "<B>if known || known { }",
    "<B>if ! known { }",
    "<B>if substring(hardware,1) = 00:11 { }",
    "<B>if substring(hardware 1 3) = 00:11 { }",
    "<B>if substring hardware,1,3 = 00:11:22 { }",
    "<B>set x = substring(hardware,1);",
    '<B>set x = option host-name == "a";',
    '<B>on commit { log(info, "x" + "y"); }',
    '<B>on commit { log(info, concat("x" "y")); }',
    '<B>on commit { log("x" "y"); }',
    '<B>on commit { log info "x"; }',
    '<B>on commit { log(warn, "x"); }',
    '<B>class "a" { match if substring(hardware,1) = 00:11; }',
    '<B>class "a" { match if option host-name ~ "x"; }',
    '<B>if option host-name is "a" { }',
    '<B>if option host-name equals "a" { }',
    '<B>if "a" = "a" then { }',
    '<B>if (option host-name = "a" { }',
    "<B>if exists option host-name { }",
    "<B>if option host-name = 'a' { }",
    "<P>shared-network { <S> }",
    "<P>shared-network x y { <S> }",
    "<B>group x y { }",
    "<B>pool { range 192.0.2.30; }",
    "<B>subnet 198.51.100.0 { }",
    "<B>subnet 198.51.100.0 netmask { }",
    "<B>subnet netmask 255.255.255.0 { }",
    "<B>range 192.0.2.30;",
    "<B>default-lease-time 1d;",
    '<B>default-lease-time "600";',
    "<B>max-lease-time;",
    '<B>next-server "192.0.2.5";',
    "<B>next-server 192.0.2.256;",
    "<B>next-server;",
    '<B>filename "a" "b";',
    "<B>filename;",
    "<B>authoritative yes;",
    "<B>option routers;",
    '<B>option routers "192.0.2.1";',
    "<B>option;",
    "<B>option host-name;",
    "<B>host a { option dhcp-client-identifier 01:zz; }",
    '<B>option netbios-node-type "8";',
    "<B>option interface-mtu 70000;",
    '<B>option time-offset "x";',
    "<B>option ip-forwarding yes;",
    "<B>option ip-forwarding 1;",
    "<B>boot-unknown-clients maybe;",
    "<B>use-host-decl-names 1;",
    "<B>omapi-port;",
    '<B>omapi-port "7911";',
    "<B>local-port x;",
    "<B>key k { algorithm hmac-md5; secret YWJj }",
    '<B>zone "example.org" { primary 127.0.0.1; }',
    "<B>zone { primary 127.0.0.1; }",
    "<B>ddns-domainname example.org;",
    "<B>ddns-updates maybe;",
    "<B>update-static-leases;",
    "<B>min-secs 300;",
    "<B>stash-agent-options x;",
    '<B>class "a" { lease limit; }',
    '<B>class "a" { spawn hardware; }',
    "<B>class { match hardware; }",
    '<B>subclass "a" { }',
    "<B>host a { hardware ethernet 00:11:22:33:44:55; option routers 192.0.2.1 }",
    "<B>option routers 192.0.2;",
    "<B>option subnet-mask 255.255.255;",
    "<B>option routers 192.0.2.1.5;",
    "<B>option routers a/b;",
    "<B>option routers a:b;",
    "<B>option routers 192.0.2.1:5;",
    "<B>host a { fixed-address a/b; }",
    "<B>host a { fixed-address 192.0.2.5.6; }",
    "<B>host a { fixed-address 192.0.2.300; }",
    "<B>subnet 198.51.100.0 netmask 255.255.255.0 { range 0xc6.51.100.5 198.51.100.9; }",
    "<B>subnet 198.51.100.0 netmask 255.255.255.0 { range bootp 198.51.100.5; }",
    "<B>subnet 198.51.100.0 netmask 255.255.255.0 { range 198.51.100.300; }",
    '<B>log "x";',
    '<B>log(notice,"x");',
    "<B>if ((known) { }",
    "<B>if known) { }",
    '<B>set x = "a" "b";',
    '<B>set x = concat("a");',
    "<B>set x = suffix(hardware);",
    "<B>set x = binary-to-ascii(16, 8, hardware);",
    "<B>set x = encode-int(1);",
    "<B>set x = extract-int(hardware);",
    '<B>set x = lcase("a", "b");',
    "<B>shared-network x { <S> }",
    "<B>default-lease-time 10a;",
    "<B>subnet 198.51.100.0 netmask 255.255.255.0 { range6 2001:db8::5; }",
    # heads of blocks, and statements with one form
    "subnet 192.0.2.0/24 { }\n",
    "subnet 192.0.2.0 255.255.255.0 { }\n",
    "subnet 192.0.2.0 netmask /24 { }\n",
    "subnet 192.0.2.256 netmask 255.255.255.0 { }\n",
    "subnet 192.0.2 netmask 255.255.255.0 { }\n",
    "subnet 192.0..2.0 netmask 255.255.255.0 { }\n",
    "subnet 192,0.2.0 netmask 255.255.255.0 { }\n",
    "subnet subnet 192.0.2.0 netmask 255.255.255.0 { }\n",
    "subnet 192.0.2.0 netmask netmask 255.255.255.0 { }\n",
    "subnet 192.0.2.0 netmask 255.255.255.0 { pool pool { } }\n",
    'subnet 192.0.2.0 netmask 255.255.255.0 { pool "p" { } }\n',
    "<B>server-duid ll 00:16:6f:49:7d:9b;\n",
    "<B>server-duid ll ethernet 00-16-6f-49-7d-9b;\n",
    "<B>server-duid en 2495 identifier-1234;\n",
    "<B>option space cable labs;\n",
    "<B>option space mine:\noption mine.name code 1 = text;\n",
    "<B>option mine.name code 1 = text;\n",
    "<B>option 150 192.0.2.1;\n",
    "<B>zone example.org. { primary 127.0.0; }\n",
    "<B>zone example.org. { primary 127.0.0.1; primary 127.0.0.2; }\n",
    "<B>zone example.org. { primary 127.0.0.1; ping-check off; }\n",
    "<B>zone zone example.org. { primary 127.0.0.1; }\n",
    '<B>class "c" { match option user-class; }\nsubclass "c" abc { }\n',
    '<B>class "c" { match hardware; }\nsubclass "c" 01-00-16-6f-49-7d-9b;\n',
    '<B>class "c" { match hardware; }\nsubclass "c" "a" "b";\n',
    '<B>class "c" { match match if known; }\n',
    "<B>default lease-time 600;\n",
    "<B>if known { } else: { }\n",
    # marks
    "<B>option domain-name-servers 192.0.2.1 192.0.2.2;\n",
    "<B>option domain-name-servers ns1.example.org ns2.example.org;\n",
    "<B>option domain-name-servers 192.0.2.1, 192.0.2.2,;\n",
    "<B>option domain-name-servers 192.0.2.1,, 192.0.2.2;\n",
    "<B>option slp-directory-agent true 192.0.2.1 192.0.2.2;\n",
    "<B>option slp-directory-agent true 192.0.2.256;\n",
    "<B>option space mine;\noption mine.name code 1 = text,;\n",
    '<B>option space mine;\noption mine.name code 1 = text;\noption mine.name "x"\noption domain-name "y";\n',  # noqa: E501
    '<B>option domain-search "a.example.org", "b.example.org",;\n',
    "<B>class \"c\" { match if option user-class = 'x'; }\n",
    "<B>next-server = 192.0.2.1;\n",
    '<B>class "c" { match if exists host_name; }\n',
    'shared-network "n" { subnet 192.0.2.0 netmask 255.255.255.0 { } pool { range 203.0.113.10 203.0.113.20; } }\n',  # noqa: E501
    'shared-network "n" { subnet 192.0.2.0 netmask 255.255.255.0 { } pool { range 192.0.2.10 192.0.2.20; } pool { range 192.0.2.20 192.0.2.30; } }\n',  # noqa: E501
    'failover peer "f" { primary; address 192.0.2.256; peer address 192.0.2.2; mclt 60; split 128; }\n<S>',  # noqa: E501
    'failover peer "f" { primary; address 192.0.2.1; peer address 192.0.2; mclt 60; split 128; }\n<S>',  # noqa: E501
    'failover peer "f" { primary; address 192.0.2.1; peer address 192.0.2.2,; mclt 60; split 128; }\n<S>',  # noqa: E501
    '<P>subnet 192.0.2.0 netmask 255.255.255.0 { pool { failover peer "f"; range 192.0.2.10 192.0.2.20; allow members of "c"; } }\nclass "c" { match if known; }\n',  # noqa: E501
    '<B>subclass "c" 1:2; class "c" { match hardware; }\n',
    "<B>server-identifier 192.0.2.256;\n",
    "<B>zone example.org. { primary\u00a0127.0.0.1; }\n",
]
