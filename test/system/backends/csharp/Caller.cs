using System;
using System.Linq;
using System.Text;
using System.Threading.Tasks;
using Newtonsoft.Json;
using Newtonsoft.Json.Linq;

/// Stands for the site's own list of who has blocked whom.
static class Blocks
{
    public static bool HasBlocked(string user, string other) => user == "bob" && other == "eve";
}

/// Calls the functions of ChatCalls.cs: a line of standard input has a name and arguments, the line printed for it the answer or the error.
static class Caller
{
    static async Task<object> ResultOf(string name, JArray given)
    {
        var methodName = char.ToUpperInvariant(name[0]) + name.Substring(1);
        var method = typeof(ChatCalls).GetMethod(methodName) ?? typeof(ChatPages).GetMethod(methodName) ?? typeof(Caller).GetMethod(methodName);
        var arguments = method.GetParameters().Select((parameter, i) =>
            i >= given.Count ? Type.Missing
            : parameter.ParameterType != typeof(object) ? given[i].ToObject(parameter.ParameterType)
            // An id is a text or a number, and not the object of Newtonsoft.Json around it.
            : given[i] is JValue id ? id.Value : given[i]);
        try
        {
            var task = (Task)method.Invoke(null, arguments.ToArray());
            await task;
            return new { answer = task is Task<string> text ? text.Result : (object)(task as Task<JObject>)?.Result };
        }
        catch (Exception thrown)
        {
            var error = thrown is System.Reflection.TargetInvocationException ? thrown.InnerException : thrown;
            if (error is ChatError answered) return new { error = new { status = answered.Status, code = answered.Code, message = error.Message } };
            return new { error = new { message = error.Message } };
        }
    }

    public static Task<JObject> MaySend(object headers, string body)
    {
        var answer = ChatMaySend.Answer(name => (string)((JObject)headers)[name], Encoding.UTF8.GetBytes(body));
        return Task.FromResult(JObject.FromObject(new { status = answer == null ? 401 : 200, body = answer ?? "" }));
    }

    static void Main()
    {
        var settings = new JsonSerializerSettings { DateParseHandling = DateParseHandling.None };
        for (string line; (line = Console.ReadLine()) != null;)
        {
            var input = JsonConvert.DeserializeObject<JArray>(line, settings);
            Console.WriteLine(JsonConvert.SerializeObject(ResultOf((string)input[0], (JArray)input[1]).Result));
        }
    }
}
