/**
 * Numbers of the system's headers.
 *
 * They are those of Linux on x64 and arm64, which agree in all that stands here; on another system no capability is
 * on. Error numbers come from `os.constants`. Only what the calls of this package take or what their callers need.
 */

/** Reads and writes return at once. */
export const O_NONBLOCK = 0o4000
/** Closed in a process that is started. */
export const O_CLOEXEC = 0o2000000

/** The address family of paths. */
export const AF_UNIX = 1
/** The address family of IPv4. */
export const AF_INET = 2
/** The address family of IPv6. */
export const AF_INET6 = 10

/** Bytes in order. */
export const SOCK_STREAM = 1
/** Messages, which may be lost or overtake each other. */
export const SOCK_DGRAM = 2
/** Messages in order. */
export const SOCK_SEQPACKET = 5

/** Asks for the flags of a descriptor. */
export const F_GETFD = 1
/** Sets the flags of a descriptor. */
export const F_SETFD = 2
/** Asks for the flags of an open file. */
export const F_GETFL = 3
/** Sets the flags of an open file. */
export const F_SETFL = 4
/** Makes a second descriptor, closed in a process that is started. */
export const F_DUPFD_CLOEXEC = 1030
/** Sets how much a pipe holds. */
export const F_SETPIPE_SZ = 1031
/** Asks how much a pipe holds. */
export const F_GETPIPE_SZ = 1032
/** The flag of a descriptor that is closed in a process that is started. */
export const FD_CLOEXEC = 1

/** Numbers of socket options, by level, for `getOption` and `setOption`. */
export const socketOptions = {
  SOL_SOCKET: 1,
  SO_REUSEADDR: 2,
  SO_TYPE: 3,
  SO_ERROR: 4,
  SO_BROADCAST: 6,
  SO_SNDBUF: 7,
  SO_RCVBUF: 8,
  SO_KEEPALIVE: 9,
  SO_LINGER: 13,
  SO_REUSEPORT: 15,
  SO_PEERCRED: 17,
  SO_BINDTODEVICE: 25,
  SO_ACCEPTCONN: 30,
  SO_PROTOCOL: 38,
  SO_DOMAIN: 39,
  IPPROTO_IP: 0,
  IP_MTU_DISCOVER: 10,
  IP_MTU: 14,
  IPPROTO_TCP: 6,
  TCP_NODELAY: 1,
  TCP_MAXSEG: 2,
  TCP_CORK: 3,
  TCP_KEEPIDLE: 4,
  TCP_KEEPINTVL: 5,
  TCP_KEEPCNT: 6,
  TCP_INFO: 11,
  TCP_USER_TIMEOUT: 18,
  TCP_FASTOPEN: 23,
  TCP_NOTSENT_LOWAT: 25,
  IPPROTO_UDP: 17,
  UDP_SEGMENT: 103,
  UDP_GRO: 104,
  IPPROTO_IPV6: 41,
  IPV6_MTU_DISCOVER: 23,
  IPV6_MTU: 24,
  IPV6_V6ONLY: 26,
} as const
