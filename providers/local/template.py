"""The chat template of the embedded model, whose own template has neither tool calls nor their results."""

# Calls are written as the JSON that steps/constrained_tools.py asks for, so that the model sees its earlier calls so.
TEMPLATE = """\
{%- if messages[0]['role'] != 'system' -%}
{{ '<|im_start|>system\\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\\n' }}
{%- endif -%}
{%- for message in messages -%}
{{ '<|im_start|>' + message['role'] + '\\n' }}
{%- if message['content'] -%}{{ message['content'] }}{%- endif -%}
{%- for call in message['tool_calls'] or [] -%}
{%- set made = call['function'] -%}
{{ '{"name": "' + made['name'] + '", "arguments": ' }}
{{- made['arguments'] if made['arguments'] is string else made['arguments'] | tojson }}
{{- '}' }}
{%- endfor -%}
{{ '<|im_end|>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}
"""
