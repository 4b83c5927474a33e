"""LlamaIndex on stepwell: `StepwellLLM`, a FunctionCallingLLM, and `StepwellEmbedding`. Needs the extra `llama-index`.

    from stepwell.integrations.llama_index import StepwellLLM
    StepwellLLM(model="openai:gpt-4o").complete("Say hello.").text
"""
