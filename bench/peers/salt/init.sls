# Package, file, service: the check is that of file.managed's own manual, the watch that of Salt's tutorial.
/etc/dhcp/dhcpd.conf:
  file.managed:
    - source: salt://new/{{ grains["id"] }}.dhcpd.conf
    - mode: "0644"
    - tmp_dir: /etc/dhcp
    - check_cmd: dhcpd -t -cf

isc-dhcp-server:
  service.running:
    - watch:
      - file: /etc/dhcp/dhcpd.conf
