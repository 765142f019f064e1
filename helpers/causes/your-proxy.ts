import type { Cause, TripCause } from './cause.ts';

/**
 * Causes of a proxy that the user gave (`--proxy`), seen from a pod outside the mesh: they say nothing about
 * Istio, and the run ends with exit code 3.
 */
export const yourProxyCauses = {
  YOUR_PROXY_UNRESOLVED: {
    family: 'environment',
    title: "Your proxy's name does not resolve inside the cluster",
    seen: 'no address from the DNS that pods use',
    expected: 'at least one address',
    why: "Pods ask the cluster's DNS, which need not know what this machine's does.",
    do: "Check the name; have the cluster's DNS forward its zone; or say the addresses, --proxy IP:PORT.",
    source: 'Kubernetes: DNS for Services and Pods',
  },
  YOUR_PROXY_UNREACHABLE: {
    family: 'environment',
    title: 'Your proxy cannot be reached from the cluster',
    seen: 'no connection from a pod outside the mesh: refused, or no answer',
    expected: 'a connection to every address of --proxy',
    why: 'Nothing listens there, or a firewall, a security group or a NetworkPolicy is between the nodes and the proxy.',
    do: 'Check address and port, whether the proxy runs, and that the nodes may connect to it.',
    source: 'curl: exit codes 7 and 28 before a connection stands',
  },
  YOUR_PROXY_CREDENTIALS: {
    family: 'environment',
    title: 'Your proxy does not accept the credentials',
    seen: 'curl: CONNECT answered 407, outside the mesh',
    expected: '200',
    why: 'It got none, or a name and password that it does not accept, or it needs another scheme than Basic.',
    do: 'Set CONFORMANCE_PROXY_USER and CONFORMANCE_PROXY_PASSWORD in the environment of the command; the suite supports Basic only.',
    source: 'RFC 9110: 407 Proxy Authentication Required',
  },
  YOUR_PROXY_FAILS: {
    family: 'environment',
    title: 'Your proxy does not deliver the page outside the mesh either',
    seen: 'a failed request from a pod outside the mesh',
    expected: 'the page by way of the proxy, where Istio has no part in it',
    why: 'The proxy refuses this client or destination, cannot reach or resolve it, or its log has no line of the request. The next finding names it.',
    do: 'Fix what is named below; try the request by hand from a pod without a sidecar.',
    source: "this suite's rule: a red verdict is about Istio or the mesh, never about the environment",
  },
  YOUR_PROXY_LOST: {
    family: 'environment',
    title: 'Your proxy stopped serving during the run',
    seen: 'a request from the mesh that failed, and right after it the same from a pod outside the mesh',
    expected: 'a proxy that serves to the end of the run',
    why: 'It was stopped, is overloaded, or no longer accepts the credentials. Outside the mesh Istio has no part in it.',
    do: 'Look at the proxy and run again.',
    source: "this suite's rule: a red verdict is about Istio or the mesh, never about the environment",
  },
  YOUR_PROXY_LOG_UNREADABLE: {
    family: 'environment',
    title: "Your proxy's log cannot be followed",
    seen: 'no such file, pod or container, or no permission to read it',
    expected: 'a log that can be read until the end of the run',
    why: 'What --proxy-log names does not exist, or this user or the kubeconfig’s user may not read it.',
    do: 'Check the place; for a pod, that its log (get pods/log) or its files (create pods/exec) may be read; or leave --proxy-log out, and the proxy’s statement is reported as not available.',
    source: "this suite's rule: a requested witness is never left out without a word",
  },
  YOUR_PROXY_LOG_FORMAT: {
    family: 'environment',
    rank: 250,
    merelyMissing: true,
    title: "Your proxy's log has a format this suite does not know",
    seen: 'lines about the destination that cannot be read',
    expected: 'Squid’s native format, `logformat squid`',
    why: 'Another format, or another program than Squid, writes other fields, and a guess at them is no statement.',
    do: 'Have the proxy write a second log: access_log stdio:/var/log/squid/conformance.log squid. Or leave --proxy-log out.',
    source: 'https://www.squid-cache.org/Doc/config/logformat/',
  },
} as const satisfies Record<string, Cause | TripCause>;
