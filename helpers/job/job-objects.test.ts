import type { V1ConfigMap, V1Job, V1Role, V1RoleBinding } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { jobNamespace, jobObjects } from './job-objects.ts';

const request = {
  image: 'registry.example/conformance:1',
  namespace: 'conformance',
  serviceAccount: 'runner',
  report: 'conformance-report',
  volume: undefined,
  pullSecrets: [],
  runArguments: ['--target', 'hermetic'],
};

function objectsOf(more: Partial<Parameters<typeof jobObjects>[0]> = {}): {
  map: V1ConfigMap;
  role: V1Role;
  binding: V1RoleBinding;
  job: V1Job;
} {
  const [map, role, binding, job] = jobObjects({ ...request, ...more });
  return {
    map: map as V1ConfigMap,
    role: role as V1Role,
    binding: binding as V1RoleBinding,
    job: job as V1Job,
  };
}

describe('a Job', () => {
  it('runs the suite once, in its own cluster, and leaves the report where it was told', () => {
    const { spec } = objectsOf().job;
    expect(spec?.backoffLimit).toBe(0);
    expect(spec?.template.spec?.restartPolicy).toBe('Never');
    expect(spec?.template.spec?.containers[0]?.args).toEqual([
      ...['run', '--in-cluster', '--report-dir', '/reports'],
      ...['--report-config-map', 'conformance/conformance-report', '--target', 'hermetic'],
    ]);
  });

  it('passes Pod Security restricted, on a root file system that it cannot write to', () => {
    expect(jobNamespace('conformance').metadata?.labels).toMatchObject({
      'pod-security.kubernetes.io/enforce': 'restricted',
    });
    const pod = objectsOf().job.spec?.template.spec;
    expect(pod?.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(pod?.containers[0]?.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  it('may change no other ConfigMap of its namespace than the report’s, which is there from the start', () => {
    const { map, role, binding } = objectsOf();
    expect(map.metadata).toMatchObject({ name: 'conformance-report', namespace: 'conformance' });
    expect(role.rules).toEqual([
      {
        apiGroups: [''],
        resources: ['configmaps'],
        resourceNames: ['conformance-report'],
        verbs: ['get', 'patch'],
      },
    ]);
    expect(binding.subjects).toEqual([{ kind: 'ServiceAccount', name: 'runner', namespace: 'conformance' }]);
  });

  it('writes to a volume, and pulls with secrets, where it was told to', () => {
    const pod = objectsOf({ volume: 'reports', pullSecrets: ['one', 'two'] }).job.spec?.template.spec;
    expect(pod?.imagePullSecrets).toEqual([{ name: 'one' }, { name: 'two' }]);
    expect(pod?.volumes).toContainEqual({
      name: 'reports',
      persistentVolumeClaim: { claimName: 'reports' },
    });
  });
});
