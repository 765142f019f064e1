import type { KubernetesObject } from '@kubernetes/client-node';
import { apply } from '../../helpers/kube/apply.ts';
import type { Kube } from '../../helpers/kube/client.ts';
import { podMustBeReady } from '../../helpers/kube/workloads.ts';

/** Someone's own proxy that runs in a pod of the cluster, and asks for no name. */
export interface PodProxy {
  /** As `--proxy` takes it: the pod's. */
  readonly address: string;
  /** As `--proxy-log` takes it: what the pod writes out. */
  readonly output: string;
  /** The same lines, in the file they come from. */
  readonly file: string;
}

const namespace = 'egress';
const name = 'proxy';
const port = 3128;
const log = '/logs/access.log';

/**
 * Starts it, in a namespace of its own outside the mesh.
 * @param image One of Squid that has a shell
 * @param site The host that it alone finds, and where
 */
export async function podProxy(
  kube: Kube,
  image: string,
  site: { readonly host: string; readonly ip: string },
): Promise<PodProxy> {
  await apply(kube, [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace },
      data: { 'squid.conf': configuration, hosts: `${site.ip} ${site.host}\n` },
    } as KubernetesObject,
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace },
      spec: {
        terminationGracePeriodSeconds: 0,
        volumes: [
          { name: 'own', configMap: { name } },
          { name: 'logs', emptyDir: {} },
        ],
        containers: [
          {
            name: 'squid',
            image,
            imagePullPolicy: 'IfNotPresent',
            // Squid's own user may not write to what the container's first process was given.
            command: ['/bin/sh', '-c', `touch ${log}; chmod 666 ${log}; ${squid} & exec tail -f ${log}`],
            readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
            volumeMounts: [
              { name: 'own', mountPath: '/own' },
              { name: 'logs', mountPath: '/logs' },
            ],
          },
        ],
      },
    } as KubernetesObject,
  ]);
  const { status } = await podMustBeReady(kube, namespace, name);
  const output = `${namespace}/${name}`;
  return { address: `${status?.podIP ?? ''}:${port}`, output, file: `${output}:${log}` };
}

const squid = 'squid -f /own/squid.conf -NYC';
const configuration = `http_port ${port}
http_access allow all
hosts_file /own/hosts
access_log stdio:${log} squid
cache_log /dev/null
pid_filename none
max_filedescriptors 1024
pinger_enable off
coredump_dir /tmp
`;
