base:
  'dhcp-*':
    - dhcp_server
