using System;
using System.Linq;
using System.Text;

// A line has the body and the headers of a request: `BODY NAME:VALUE …`, the body and the values as base64.
static class Check
{
    static void Main()
    {
        for (var line = Console.ReadLine(); line != null; line = Console.ReadLine())
        {
            var parts = line.Split(' ');
            var headers = parts.Skip(1).Select(part => part.Split(':'))
                .ToDictionary(pair => pair[0], pair => Encoding.UTF8.GetString(Convert.FromBase64String(pair[1])));
            var isGood = VerifyWebhook.Verify(name => headers.TryGetValue(name, out var value) ? value : null, Convert.FromBase64String(parts[0]));
            Console.WriteLine(isGood ? "true" : "false");
        }
    }
}
