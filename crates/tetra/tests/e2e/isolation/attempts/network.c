/* Other tenants, the host, and the network itself. */

#include "attempt.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Far more than two ends of one machine need. */
enum { PATIENCE_MS = 800 };

static const char *target_address;
static int target_port;

static struct sockaddr_in at(const char *address, int port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((unsigned short)port) };
    inet_pton(AF_INET, address, &at.sin_addr);
    return at;
}

static struct answer connect_to_target(void)
{
    struct sockaddr_in to = at(target_address, target_port);
    int connection = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (connection < 0)
        return answered(UNTRIED, "no socket: %s", strerrorname_np(errno));
    int error = connect(connection, (struct sockaddr *)&to, sizeof to) ? errno : 0;
    if (error == EINPROGRESS) {
        struct pollfd ready = { connection, POLLOUT, 0 };
        if (poll(&ready, 1, PATIENCE_MS) == 0)
            return answered(REFUSED, "no answer in %d ms", PATIENCE_MS);
        socklen_t length = sizeof error;
        getsockopt(connection, SOL_SOCKET, SO_ERROR, &error, &length);
    }
    return error ? answered(REFUSED, "%s", strerrorname_np(error)) : answered(DONE, "connected");
}

void show_connection(const char *name, const char *address, int port)
{
    char tried[80];
    target_address = address;
    target_port = port;
    snprintf(tried, sizeof tried, "connect to %s:%d", address, port);
    struct attempt attempt = { name, tried, connect_to_target, 0 };
    show(&attempt);
}

#define TRY(name, expression) \
    static struct answer name(void) { return of_call(expression); }

TRY(raw_socket, socket(AF_INET, SOCK_RAW, IPPROTO_ICMP))
TRY(packet_socket, socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)))

/* An answer to a question nobody asked: the gateway's address is here. */
static struct answer spoof_arp(void)
{
    int packets = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ARP));
    if (packets < 0)
        return of_call(-1);
    struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP), .sll_ifindex = 2 };
    unsigned char reply[28] = { 0, 1, 8, 0, 6, 4, 0, 2 };
    return of_call(sendto(packets, reply, sizeof reply, 0, (struct sockaddr *)&to, sizeof to));
}

/* By one ioctl on the interface eth0 (outside of a container: the loopback of a namespace). */
static struct answer of_interface(unsigned long request, short flags)
{
    struct ifreq change = { .ifr_name = "eth0" };
    struct sockaddr_in address = at(foreign_address, 0);
    int control = socket(AF_INET, SOCK_DGRAM, 0);
    if (ioctl(control, SIOCGIFINDEX, &change))
        strcpy(change.ifr_name, "lo");
    memset(&change.ifr_ifru, 0, sizeof change.ifr_ifru);
    if (request == SIOCSIFADDR)
        memcpy(&change.ifr_addr, &address, sizeof address);
    else
        change.ifr_flags = flags;
    return of_call(ioctl(control, request, &change));
}

static struct answer change_address(void) { return of_interface(SIOCSIFADDR, 0); }
static struct answer promiscuous(void) { return of_interface(SIOCSIFFLAGS, IFF_UP | IFF_PROMISC); }

/* One request to the kernel's routing, and its answer. */
static struct answer of_routing(unsigned short type)
{
    struct { struct nlmsghdr head; struct rtmsg route; } request = {
        { sizeof request, type, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE, 1, 0 },
        { .rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_STATIC,
          .rtm_scope = RT_SCOPE_UNIVERSE, .rtm_type = RTN_BLACKHOLE },
    };
    char reply[512];
    int routing = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    if (routing < 0 || send(routing, &request, sizeof request, 0) < 0)
        return of_call(-1);
    if (recv(routing, reply, sizeof reply, 0) < (long)(NLMSG_HDRLEN + sizeof(int)))
        return answered(UNTRIED, "routing gave no answer");
    errno = -((struct nlmsgerr *)(reply + NLMSG_HDRLEN))->error;
    return of_call(errno ? -1 : 0);
}

static struct answer add_route(void) { return of_routing(RTM_NEWROUTE); }

/* Binding to a foreign address is free; a packet that bears it must not leave. */
static struct answer spoof_source(void)
{
    int yes = 1, sender = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in from = at(foreign_address, 0), to = at("192.0.2.1", 9);
    setsockopt(sender, IPPROTO_IP, IP_FREEBIND, &yes, sizeof yes);
    if (bind(sender, (struct sockaddr *)&from, sizeof from))
        return answered(REFUSED, "bind: %s", strerrorname_np(errno));
    if (sendto(sender, "x", 1, 0, (struct sockaddr *)&to, sizeof to) == 1)
        return answered(DONE, "a packet left as %s", foreign_address);
    return answered(REFUSED, "sendto: %s", strerrorname_np(errno));
}

static struct answer transparent(void)
{
    int yes = 1, sender = socket(AF_INET, SOCK_DGRAM, 0);
    return of_call(setsockopt(sender, IPPROTO_IP, IP_TRANSPARENT, &yes, sizeof yes));
}

TRY(hypervisor_socket, socket(AF_VSOCK, SOCK_STREAM, 0))

const struct attempt network_attempts[] = {
    { "raw-socket", "a raw ICMP socket", raw_socket, 1 },
    { "packet-socket", "read and write frames", packet_socket, 1 },
    { "arp-spoof", "answer ARP for the gateway", spoof_arp, 1 },
    { "change-address", "take the neighbour's address", change_address, 1 },
    { "promiscuous", "make the interface promiscuous", promiscuous, 1 },
    { "add-route", "add a route", add_route, 1 },
    { "spoof-source", "send as the neighbour", spoof_source, 0 },
    { "ip-transparent", "claim any address of a socket", transparent, 1 },
    { "vsock", "a socket to the hypervisor", hypervisor_socket, 0 },
    { NULL, NULL, NULL, 0 },
};
