/** A schema of the API server's OpenAPI (v3), as far as it is read here. */
interface OpenAPI {
  $ref?: string;
  allOf?: OpenAPI[];
  type?: string;
  format?: string;
  description?: string;
  enum?: string[];
  required?: string[];
  properties?: Record<string, OpenAPI>;
  additionalProperties?: OpenAPI;
  items?: OpenAPI;
  [extension: `x-kubernetes-${string}`]: unknown;
}

/** What `GET /openapi/v3/api/v1` answers. */
export interface OpenAPIDocument {
  components: { schemas: Record<string, OpenAPI> };
}

interface Wanted {
  /** The type in the core group. */
  type: string;
  /** The fields of it that we take; all of them where none is named. */
  fields?: string[];
}

/** The types of Kubernetes that stand in our kinds, by the name of their schema in src/api/kubernetes-types.ts. */
const WANTED: Record<string, Wanted> = {
  resourceRequirements: { type: 'ResourceRequirements', fields: ['limits', 'requests'] },
  nfsVolumeSource: { type: 'NFSVolumeSource' },
  hostPathVolumeSource: { type: 'HostPathVolumeSource' },
  securityContext: { type: 'SecurityContext', fields: ['runAsGroup', 'runAsNonRoot', 'runAsUser'] },
  containerSecurityContext: { type: 'SecurityContext' },
  envVar: { type: 'EnvVar' },
  volumeMount: { type: 'VolumeMount' },
};

/* The OpenAPI has no bounds, and a CustomResourceDefinition of ours has them. */
const LONGEST_TEXT = 4096;
const MOST_ENTRIES = 64;

/** Those that a CustomResourceDefinition knows; the others are for built-in types alone. */
const STRUCTURAL_EXTENSIONS = new Set([
  ...['x-kubernetes-list-type', 'x-kubernetes-list-map-keys', 'x-kubernetes-map-type'],
]);

const PREFIX = '#/components/schemas/';
const QUANTITY = `${PREFIX}io.k8s.apimachinery.pkg.api.resource.Quantity`;
const INT_OR_STRING = `${PREFIX}io.k8s.apimachinery.pkg.util.intstr.IntOrString`;

/** As controller-gen writes it for the CRDs of others. */
const QUANTITY_PATTERN =
  '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$';

const QUANTITY_HINT = 'write an amount such as 100m, 64Mi or 1Gi';

/** The content of src/api/kubernetes-types.ts, before Biome has formatted it. */
export function kubernetesTypes({ components: { schemas } }: OpenAPIDocument): string {
  const parts = Object.entries(WANTED).map(([name, { type, fields }]) => {
    const schema = schemas[`io.k8s.api.core.v1.${type}`];
    if (schema === undefined) throw new Error(`the API server has no ${type}`);
    const picked = fields === undefined ? schema : pick(schema, fields);
    const structural = JSON.stringify(structuralOf(schemas, picked));
    return `/** \`core/v1 ${type}\`${fields === undefined ? '' : `, of it ${fields.join(', ')}`}. */\nexport const ${name} = Type.Unsafe<${typeOf(schemas, picked)}>(${structural});\n`;
  });
  return [
    "// Generated from the API server's OpenAPI by scripts/generate-kubernetes-types.ts. Do not edit.",
    "import Type from 'typebox';\n",
    ...parts,
  ].join('\n');
}

function pick(schema: OpenAPI, fields: string[]): OpenAPI {
  const { properties = {}, required = [] } = schema;
  const picked = fields.map((field): [string, OpenAPI] => {
    const property = properties[field];
    if (property === undefined) throw new Error(`there is no field ${field}`);
    return [field, property];
  });
  return {
    ...schema,
    properties: Object.fromEntries(picked),
    required: required.filter((field) => fields.includes(field)),
  };
}

/** `schema` without references, as structural schemas are: with all that is in it, bounded. */
function structuralOf(schemas: OpenAPIDocument['components']['schemas'], schema: OpenAPI): object {
  const { $ref, description, ...rest } = flat(schemas, schema);
  const said = description === undefined ? {} : { description: description.replace(/\s+/g, ' ').trim() };
  if ($ref !== undefined) {
    const either = { anyOf: [{ type: 'integer' }, { type: 'string' }], 'x-kubernetes-int-or-string': true };
    const pattern = $ref === QUANTITY ? { pattern: QUANTITY_PATTERN, hint: QUANTITY_HINT } : {};
    return { ...said, ...either, ...pattern, maxLength: 64 };
  }
  const extensions = Object.fromEntries(
    Object.entries(rest).filter(([key]) => STRUCTURAL_EXTENSIONS.has(key)),
  );
  const { type, format, enum: values, required = [], properties, additionalProperties, items } = rest;
  const isText = type === 'string' && values === undefined && format === undefined;
  return {
    ...said,
    type,
    ...(format !== undefined && { format }),
    ...(values !== undefined && { enum: values }),
    ...(isText && { maxLength: LONGEST_TEXT }),
    ...(required.length > 0 && { required }),
    ...(properties !== undefined && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, property]) => [name, structuralOf(schemas, property)]),
      ),
    }),
    ...(additionalProperties !== undefined && {
      additionalProperties: structuralOf(schemas, additionalProperties),
      maxProperties: MOST_ENTRIES,
    }),
    ...(items !== undefined && {
      items: { description: 'One of them.', ...structuralOf(schemas, items) },
      maxItems: MOST_ENTRIES,
    }),
    ...extensions,
  };
}

/** `schema` with what it refers to in it; its own description is about this use, and wins. Numbers with units stay references. */
function flat(schemas: OpenAPIDocument['components']['schemas'], schema: OpenAPI): OpenAPI {
  const { allOf = [], $ref = allOf[0]?.$ref, ...own } = schema;
  if ($ref === undefined) return own;
  if ($ref === QUANTITY || $ref === INT_OR_STRING) {
    return { $ref, ...(own.description !== undefined && { description: own.description }) };
  }
  const target = schemas[$ref.slice(PREFIX.length)];
  if (target === undefined) throw new Error(`the API server has no ${$ref}`);
  return { ...flat(schemas, target), ...own };
}

/** The TypeScript type of `schema`. */
function typeOf(schemas: OpenAPIDocument['components']['schemas'], schema: OpenAPI): string {
  const {
    $ref,
    type,
    enum: values,
    items,
    properties,
    additionalProperties,
    required = [],
  } = flat(schemas, schema);
  if ($ref !== undefined) return 'string | number';
  if (values !== undefined) return values.map((value) => JSON.stringify(value)).join(' | ');
  if (items !== undefined) return `(${typeOf(schemas, items)})[]`;
  if (additionalProperties !== undefined) return `Record<string, ${typeOf(schemas, additionalProperties)}>`;
  if (properties !== undefined) {
    const fields = Object.entries(properties).map(
      ([name, property]) => `${name}${required.includes(name) ? '' : '?'}: ${typeOf(schemas, property)}`,
    );
    return `{ ${fields.join('; ')} }`;
  }
  return type === 'integer' ? 'number' : (type ?? 'unknown');
}
